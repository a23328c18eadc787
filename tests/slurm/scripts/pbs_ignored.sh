#!/bin/bash
#PBS -N from_pbs
#PBS -l nodes=2:ppn=4
#SBATCH --ignore-pbs
#SBATCH --job-name=from_slurm
true
