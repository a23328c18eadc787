#!/bin/bash
#SBATCH --signal=RSIGTERM --no-kill=off
#SBATCH --wait-all-nodes=1
./program
