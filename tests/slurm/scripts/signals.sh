#!/bin/bash
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --time=00:20:00
trap 'scontrol requeue $SLURM_JOB_ID' USR1
./long_running &
wait
