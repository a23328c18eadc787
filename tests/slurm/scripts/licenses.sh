#!/bin/bash
#SBATCH -L matlab:2,fluent
#SBATCH --switches=1@30:00
true
