#!/bin/bash
#SBATCH --comment='{"sid":"wfda97f4b","app":"simpleHpcJobHour","n":[1,2]}'
true
