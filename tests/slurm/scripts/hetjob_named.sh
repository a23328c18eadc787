#!/bin/bash
#SBATCH -J leader -o %x.out --mail-type=END
#SBATCH --mem=1G --requeue --signal=B:USR1
#SBATCH hetjob
#SBATCH -J follower --gres=gpu:1 --mem=512M
#SBATCH hetjob
#SBATCH -w node2 -c 2
srun --het-group=0-2 hostname
