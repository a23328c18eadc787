#!/bin/bash
#SBATCH --mem=0 --exclusive
true
