#!/bin/sh
#SBATCH --job=short --part=debug --ntasks-per-n=2
#SBATCH --cpus-per-t 2 --time-m=1 -t5 --dist=block
true
