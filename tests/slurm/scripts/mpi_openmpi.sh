#!/bin/bash
#SBATCH --job-name=openmpi
#SBATCH --partition=power
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --time=02:00:00
#SBATCH --output=openmpi_%j.out
#SBATCH --error=openmpi_%j.err

module purge
module load gcc openmpi
mpirun -np "$SLURM_NTASKS" ./solver --input case.dat
