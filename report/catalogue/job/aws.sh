#!/bin/bash
# An array job of AWS Batch that does the {{.Batches}} batches of a plan. QUEUE names the job queue, ROLE the ARN of a role
# that may read and write the bucket.
#
# 1. layup index -C {{.Where}} --plan {{.Batches}} SOURCE...
# 2. QUEUE=... ROLE=arn:aws:iam::... bash job.sh
# 3. layup index -C {{.Where}} --seal   after all tasks: it says what is missing, and merges small parts
#
# A task that is interrupted starts again and goes on after what it wrote. A task that ends with 3 could not read some
# layers: trying again at once would not help.
set -eu
: "${QUEUE:?names the job queue}" "${ROLE:?is the ARN of a role that may read and write the bucket}"

aws batch register-job-definition --job-definition-name layup-index --type container \
  --retry-strategy '{"attempts": 5, "evaluateOnExit": [{"onExitCode": "3", "action": "EXIT"}, {"onReason": "*", "action": "RETRY"}]}' \
  --container-properties '{
    "image": {{.Container}},
    "command": {{.CommandJSON}},
    "environment": {{.EnvironmentJSON}},
    "readonlyRootFilesystem": false,
    "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
    "jobRoleArn": "'"$ROLE"'"
  }'

aws batch submit-job --job-name layup-index --job-queue "$QUEUE" --job-definition layup-index \
  --array-properties size={{.Batches}}
