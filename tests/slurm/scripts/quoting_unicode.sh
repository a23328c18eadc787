#!/bin/bash
#SBATCH --job-name=Größe-计算
#SBATCH --comment="naïve café ☕"
true
