#!/bin/bash
#SBATCH -a 1-100:10%4
#SBATCH -J "parameter sweep"
#SBATCH --mail-type=ARRAY_TASKS,FAIL
#SBATCH --mail-user=someone@example.org
PARAMETERS=(0.1 0.2 0.5)
./run "${PARAMETERS[$((SLURM_ARRAY_TASK_ID % 3))]}"
