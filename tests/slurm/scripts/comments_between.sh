#!/bin/bash
# A header that a site's template writes.
#
#SBATCH --ntasks=2
#   SBATCH --ntasks=3
##SBATCH --ntasks=4
# #SBATCH --ntasks=5

 #SBATCH --ntasks=6
	
#SBATCH --time=5

#sbatch --time=6
echo
