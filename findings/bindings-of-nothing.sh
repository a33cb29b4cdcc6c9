#!/usr/bin/env bash
# RabbitMQ's management API answers 200 for the bindings of what does not exist: none for an exchange, also in a virtual host that
# does not exist, and for a queue a binding to the default exchange that nobody has made. The queue itself is a 404.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq

ask() { echo "$1 $(curl -s -u guest:guest -w ' %{http_code}' "$management$1" | sed 's/"reason":"[^"]*"/"reason":…/')"; }
saw=$(ask /api/exchanges/%2F/no-exchange/bindings/source
  ask /api/exchanges/no-vhost/no-exchange/bindings/source
  ask /api/queues/%2F/no-queue/bindings
  ask /api/queues/%2F/no-queue)
expected='/api/exchanges/%2F/no-exchange/bindings/source [] 200
/api/exchanges/no-vhost/no-exchange/bindings/source [] 200
/api/queues/%2F/no-queue/bindings [{"source":"","vhost":"/","destination":"no-queue","destination_type":"queue","routing_key":"no-queue","arguments":{},"properties_key":"no-queue"}] 200
/api/queues/%2F/no-queue {"error":"Object Not Found","reason":…} 404'
echo "RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
