#!/bin/bash
#SBATCH --input=none -e /dev/null
#SBATCH -o logs/%x/%u-%j-%N.txt
#SBATCH --open-mode=truncate
cat
