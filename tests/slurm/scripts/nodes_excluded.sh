#!/bin/sh
#SBATCH --exclude=node2
#SBATCH --constraint="fast&avx512"
#SBATCH --exclusive=user
true
