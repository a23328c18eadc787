#!/bin/bash -l
#SBATCH -J vasp_hybrid
#SBATCH -p power
#SBATCH -N 2
#SBATCH --tasks-per-node=2
#SBATCH -c 4
#SBATCH -t 1-12:00:00
#SBATCH --mem-per-cpu=1500M
#SBATCH -o %x-%j.log

export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
export I_MPI_PMI_LIBRARY=/usr/lib/libpmi.so
srun vasp_std
