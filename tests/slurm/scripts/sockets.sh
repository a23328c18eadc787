#!/bin/sh
#SBATCH --sockets-per-node=1 --cores-per-socket=4 --threads-per-core=1
#SBATCH --ntasks-per-socket=4 --ntasks-per-core=1
#SBATCH --distribution=cyclic:fcyclic:*
true
