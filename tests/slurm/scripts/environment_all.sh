#!/bin/bash
#SBATCH --export=ALL,MODE=fast
#SBATCH --get-user-env=10L
#SBATCH --propagate=STACK,CORE
env
