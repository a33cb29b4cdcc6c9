#!/usr/bin/env bash
# RabbitMQ's management API shows a message and puts it back (ack_requeue_true). In a quorum queue with a delivery limit each look counts
# as a delivery that failed: one look more than the limit, and the message is gone, though no consumer ever had it. The look that loses
# it answers as those before. A classic queue keeps it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq

call() { curl -sf -u guest:guest -H 'content-type: application/json' -X "$1" -d "$3" "$management/api/$2"; }
look() {
  local type=$1 arguments=$2 shown
  call PUT "queues/%2F/$type" "{\"durable\":true,\"arguments\":$arguments}"
  call POST exchanges/%2F/amq.default/publish "{\"routing_key\":\"$type\",\"payload\":\"an order\",\"payload_encoding\":\"string\",\"properties\":{}}" > "$work/routed"
  for number in 1 2 3 4; do
    shown=$(call POST "queues/%2F/$type/get" '{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}' | grep -o '"payload":"[^"]*"' || echo nothing)
    echo "$type, look $number: $shown"
  done
}
saw=$(look classic '{}'
  look quorum '{"x-queue-type":"quorum","x-delivery-limit":2}')
expected='classic, look 1: "payload":"an order"
classic, look 2: "payload":"an order"
classic, look 3: "payload":"an order"
classic, look 4: "payload":"an order"
quorum, look 1: "payload":"an order"
quorum, look 2: "payload":"an order"
quorum, look 3: "payload":"an order"
quorum, look 4: nothing'
echo "RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
