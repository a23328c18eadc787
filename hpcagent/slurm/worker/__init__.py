"""The worker process: the only place where libslurm lives.

libslurm ends its process on some errors, has no time-outs to set, and keeps its state for the
whole process. Here that costs a worker, which is replaced, and not the daemon.
"""
