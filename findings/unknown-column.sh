#!/usr/bin/env bash
# RabbitMQ's management API accepts a column that does not exist: each item of the list is then an empty array where it was an
# object, so a misspelt column gives a list of the right length whose items have no fields and another type.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq

ask() { echo "$1 $(curl -s -u guest:guest -w ' %{http_code}' "$management$1")"; }
for queue in one two; do
  curl -sf -u guest:guest -X PUT -d '{}' -H 'content-type: application/json' "$management/api/queues/%2F/$queue"
done
saw=$(ask '/api/queues?columns=name'
  ask '/api/queues?columns=nmae'
  ask '/api/queues?columns=name&sort=nmae')
expected='/api/queues?columns=name [{"name":"one"},{"name":"two"}] 200
/api/queues?columns=nmae [[],[]] 200
/api/queues?columns=name&sort=nmae [{"name":"one"},{"name":"two"}] 200'
echo "RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
