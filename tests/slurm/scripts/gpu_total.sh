#!/bin/bash
#SBATCH -G 2
#SBATCH -n2 -c1
#SBATCH --gpu-bind=verbose,single:1
./program
