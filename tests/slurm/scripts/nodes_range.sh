#!/bin/sh
#SBATCH --nodes=1-2
#SBATCH --use-min-nodes
#SBATCH -C fast|slow
true
