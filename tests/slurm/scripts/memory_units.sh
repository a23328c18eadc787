#!/bin/bash
#SBATCH --mem=1048577k
#SBATCH --tmp=2GB
#SBATCH --mincpus=2
true
