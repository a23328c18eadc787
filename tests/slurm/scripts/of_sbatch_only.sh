#!/bin/bash
#SBATCH --parsable --quiet -vv
#SBATCH --ntasks=2 --wrap=ignored
#SBATCH -h --usage -V
true
