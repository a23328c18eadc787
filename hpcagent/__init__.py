"""A gRPC daemon that submits and follows jobs on one Slurm or Kubernetes cluster."""
