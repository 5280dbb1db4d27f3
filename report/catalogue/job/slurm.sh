#!/bin/bash
# An array job of Slurm that does the {{.Batches}} batches of a plan. The catalogue and sources that are files must be
# in a place that all nodes see, and LAYUP names the program if it is not in the PATH.
#
# 1. layup index -C {{.Where}} --plan {{.Batches}} SOURCE...
# 2. sbatch job.sh
# 3. layup index -C {{.Where}} --seal   after all tasks: it says what is missing, and merges small parts
#
# A task that is killed may run again: sbatch job.sh. Batches that are done cost nothing, the others go on after what
# was written. A task that ends with 3 could not read some layers; its log names them.
#SBATCH --job-name=layup-index
#SBATCH --array=0-{{.Last}}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=512M
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=layup-index-%a.log
{{- range .Environment}}
export {{.Name}}={{.Shell}}
{{- end}}
exec "${LAYUP:-layup}" {{.Command}}
