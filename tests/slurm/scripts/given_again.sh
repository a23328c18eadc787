#!/bin/bash
#
# Options that are given again: most replace what was said, a few add to it.
#
#SBATCH --job-name=first --job-name=second
#SBATCH --mem-bind=verbose,rank
#SBATCH --mem-bind=local
#SBATCH --mail-type=BEGIN --mail-type=FAIL
#SBATCH -n 8
#SBATCH --ntasks=4
#SBATCH --comment='once' --comment="twice"
#SBATCH --exclusive --oversubscribe
#SBATCH --requeue
#SBATCH --no-requeue

srun ./solver
