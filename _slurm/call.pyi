"""What every call to libslurm shares; for the other extension modules only (call.pxd)."""
