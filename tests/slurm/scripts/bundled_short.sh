#!/bin/sh
#SBATCH -HO -n4
#SBATCH -sN1 -k
#SBATCH -Jbundle -t5 -pdebug
true
