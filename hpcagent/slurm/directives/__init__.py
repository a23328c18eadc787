"""``#SBATCH``: what a batch script says to sbatch, read as sbatch reads it.

``lexer`` cuts the lines into words, ``getopt`` makes options of them, ``spellings`` is their table,
``settings`` keeps what holds in the end, and ``honour`` makes one request of it all. Sources are
Slurm's own: sbatch/opt.c and common/slurm_opt.c.
"""
