#!/bin/bash
#SBATCH --export=NONE
#SBATCH --ntasks=1
env
