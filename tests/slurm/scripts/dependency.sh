#!/bin/bash
#SBATCH --dependency=singleton
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --nice
true
