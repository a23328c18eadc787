#!/bin/bash
#SLURM --ntasks=2
#SBATCH --time=5
true
