#!/usr/bin/env python3
#SBATCH --job-name=analyse
#SBATCH --ntasks=1
#SBATCH --mem=512M
#SBATCH --time=0:30:00
"""A batch script need not be a shell's."""
print("hello")
