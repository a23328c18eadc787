"""What clusters are made of, and how busy they are."""
