"""What the cluster is made of, and how busy it is."""
