#!/bin/bash
#SBATCH --thread-spec=2
#SBATCH --ntasks=2
true
