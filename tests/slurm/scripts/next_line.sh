#!/bin/sh
#SBATCH --comment
#SBATCH words
#SBATCH -N
# not lost in between
#SBATCH 1
true
