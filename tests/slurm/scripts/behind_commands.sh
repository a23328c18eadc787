#!/bin/bash
#SBATCH --ntasks=2
set -e
#SBATCH --ntasks=3
#SBATCH --bogus
cat <<END
#SBATCH --ntasks=4
END
