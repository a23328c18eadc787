"""The domain: what a job is and what may be done with it.

Nothing here knows gRPC, Slurm or Kubernetes, and nothing here does input or output, so both
services share it and its tests need no cluster.
"""
