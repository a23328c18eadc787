#!/bin/bash
#SBATCH --job-name=sweep
#SBATCH --array=0-15
#SBATCH --output=sweep_%A_%a.out
#SBATCH --time=10
./run_case "$SLURM_ARRAY_TASK_ID"
