#!/bin/sh
#SBATCH -B 1:8:1
#SBATCH -m block:cyclic,pack
true
