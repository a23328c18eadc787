#!/bin/sh
#SBATCH --hint=nomultithread -n4
true
