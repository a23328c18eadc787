#!/bin/bash
#SBATCH --nodes=2
#SBATCH --gpus-per-node=tesla:2
#SBATCH --ntasks-per-node=2
#SBATCH --gpu-freq=high,memory=low
srun ./gpu_program
