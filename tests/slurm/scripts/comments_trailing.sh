#!/bin/bash
#SBATCH -n 2      # tasks
#SBATCH -t 00:10:00	# ten minutes
#SBATCH --mem=1G#no space before it
#SBATCH # nothing at all
#SBATCH
date
