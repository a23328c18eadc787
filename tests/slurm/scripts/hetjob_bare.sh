#!/bin/sh
#SBATCH hetjob
#SBATCH --ntasks=2
hostname
