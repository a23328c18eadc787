#!/bin/sh
#SBATCH -n 1 -t 5 --comment=first
#SBATCH -n 2 --exclusive
#SBATCH --comment=second --time=10 --oversubscribe
#SBATCH --requeue --no-requeue --mail-type=BEGIN --mail-type=END
true
