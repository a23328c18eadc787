"""The worker processes that hold libslurm, seen from the daemon."""
