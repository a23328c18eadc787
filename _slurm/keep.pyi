"""A JobFilter compiled to C; for jobs.pyx only (keep.pxd)."""
