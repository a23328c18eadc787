"""What is in Slurm's lists; for the other extension modules only (lists.pxd)."""
