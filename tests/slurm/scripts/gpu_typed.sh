#!/bin/bash
#SBATCH --gres=gpu:tesla:2
#SBATCH --gres-flags=enforce-binding
#SBATCH -n 2
#SBATCH -c 2
nvidia-smi
