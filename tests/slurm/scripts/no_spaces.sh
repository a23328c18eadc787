#!/bin/sh
#SBATCH--ntasks=2
#SBATCH-t5
#SBATCH	-c	2
true
