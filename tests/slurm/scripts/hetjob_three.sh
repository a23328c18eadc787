#!/bin/bash
#SBATCH -A physics -t 1:00:00 -p power
#SBATCH -n 1 --gres=gpu:1
#SBATCH packjob
#SBATCH -n 2 -c 2 -p debug
# the last one is small
#SBATCH HetJob # in any case
#SBATCH -n 1 --mem-per-cpu=100
srun --het-group=0,1,2 ./program
