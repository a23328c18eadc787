#!/bin/sh
#SBATCH --mcs-label=x
#SBATCH --batch=fast -C fast
#SBATCH --network=devname
true
