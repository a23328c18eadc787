#!/bin/bash
#SBATCH --gpus=tesla:2 --ntasks-per-gpu=2
srun ./program
