"""How Slurm is driven: its options, states, errors and limits, and the processes that call it.

Everything that is peculiar to Slurm is here and nowhere above. Only `hpcagent.slurm.worker`, which
runs in processes of its own, imports `_slurm`: libslurm may end the process that uses it.
"""
