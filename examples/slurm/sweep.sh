#!/bin/sh
# A sweep in an array of four jobs: sbatch --wait sweep.sh PROGRAM [ARG…], then mapsan report part-*.json
#SBATCH --array=1-4
#SBATCH --output=part-%a.txt
mapsan sweep --partition "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --format json --output "part-$SLURM_ARRAY_TASK_ID.json" "$@"
