#!/bin/sh
#SBATCH -w node[1-2] -n 4
#SBATCH --contiguous
true
