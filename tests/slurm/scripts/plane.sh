#!/bin/sh
#SBATCH -N2 -n8 -m plane=2
#SBATCH --cpu-freq=low-high:OnDemand --mem-bind=local,verbose
true
