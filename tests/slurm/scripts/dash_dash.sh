#!/bin/bash
#SBATCH --ntasks=2
#SBATCH --
true
