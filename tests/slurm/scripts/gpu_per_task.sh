#!/bin/bash
#SBATCH -J ddp
#SBATCH --nodes=1
#SBATCH --ntasks=2
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-gpu=2
#SBATCH --mem-per-gpu=4G
#SBATCH --gpu-bind=closest
srun python -m torch.distributed.run train.py
