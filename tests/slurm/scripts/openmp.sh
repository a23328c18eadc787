#!/bin/sh
#SBATCH --job-name=omp --ntasks=1 --cpus-per-task=8 --mem=8G
#SBATCH --time=90
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
exec ./openmp_program
