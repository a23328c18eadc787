#!/bin/bash
#SBATCH --comment=a'b c'"d e"f\#g\\h
#SBATCH "--job-name=two words" "-n2"
true
