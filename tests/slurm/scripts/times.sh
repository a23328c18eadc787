#!/bin/sh
#SBATCH --time=2-6:30 --time-min=1-0
#SBATCH --begin=2031-01-01T08:00
#SBATCH --deadline=12/31/31-23:59:59
true
