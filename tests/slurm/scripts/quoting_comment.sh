#!/bin/bash
#SBATCH --comment="run of \"today\" # not a comment"
#SBATCH --job-name='it is a "name"'
#SBATCH --output="out put.%j"   # a real comment
true
