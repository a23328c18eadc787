#!/bin/bash
#SBATCH --acctg-freq=task=30,network=10
#SBATCH --profile=task,energy
#SBATCH --wckey=project --nice=50
#SBATCH --spread-job -N2
true
