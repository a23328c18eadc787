#!/bin/bash
#SBATCH --array 1,3,5-9:2
#SBATCH --requeue
#SBATCH --open-mode=append
echo "$SLURM_ARRAY_TASK_ID"
