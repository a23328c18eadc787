#!/bin/sh
#SBATCH -t UNLIMITED -b 01/02/31
#SBATCH --delay-boot=10
true
