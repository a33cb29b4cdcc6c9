#!/usr/bin/env bash
# RabbitMQ's management API heeds name, use_regex and page_size only beside page. Without it the answer is 200 and every queue: who
# deletes what ?name=temp lists deletes all. A regular expression that page would have refused is no error either.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq

ask() { echo "$1 $(curl -s -u guest:guest -w ' %{http_code}' "$management/api/queues$1&columns=name" | sed 's/{"filtered_count.*"items":/…/; s/,"page".*}/…/')"; }
for queue in orders temp-1 temp-2; do
  curl -sf -u guest:guest -X PUT -d '{}' -H 'content-type: application/json' "$management/api/queues/%2F/$queue"
done
saw=$(ask '?name=temp&page=1'
  ask '?name=temp'
  ask '?name=%5B&use_regex=true&page=1'
  ask '?name=%5B&use_regex=true'
  ask '?page_size=1&page=1'
  ask '?page_size=1')
expected='?name=temp&page=1 …[{"name":"temp-1"},{"name":"temp-2"}]… 200
?name=temp [{"name":"orders"},{"name":"temp-1"},{"name":"temp-2"}] 200
?name=%5B&use_regex=true&page=1 {"error":"bad_request","reason":"Pagination parameters are invalid"} 400
?name=%5B&use_regex=true [{"name":"orders"},{"name":"temp-1"},{"name":"temp-2"}] 200
?page_size=1&page=1 …[{"name":"orders"}]… 200
?page_size=1 [{"name":"orders"},{"name":"temp-1"},{"name":"temp-2"}] 200'
echo "RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
