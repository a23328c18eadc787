#!/bin/bash
#SBATCH --job-name=coupled
#SBATCH --time=30
#SBATCH --ntasks=1 --mem=2G
#SBATCH hetjob
#SBATCH --nodes=1 --ntasks-per-node=4
srun --het-group=0 ./master : --het-group=1 ./workers
