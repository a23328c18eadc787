#!/bin/bash
#SBATCH --mail-type=ALL,TIME_LIMIT_80
#SBATCH --mail-user=user@cluster.example
true
