"""How Kubernetes is driven: tasks become its objects, and what it says of them becomes a job."""
