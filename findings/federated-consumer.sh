#!/usr/bin/env bash
# The link of a federated queue counts as a consumer. A passive declaration answers 1 although no consumer is on this broker, and a request
# is taken; the server behind the link, on another broker, answers where nobody waits, and the caller gets nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq rabbitmq_federation
cd "$work"
npm install --silent --no-audit --no-fund amqplib@2.3.1

put() { curl -sf -u guest:guest -H 'content-type: application/json' -X PUT "$management/api/$1" -d "$2"; }
put vhosts/other '{}'
put permissions/other/guest '{"configure": ".*", "write": ".*", "read": ".*"}'
put parameters/federation-upstream/other/up "{\"value\": {\"uri\": \"$amqp/%2f\"}}"
put policies/other/federated '{"pattern": "^calls$", "apply-to": "queues", "definition": {"federation-upstream-set": "all"}}'

cat > call.mjs <<'JS'
import amqp from 'amqplib';
const [here, other] = await Promise.all([amqp.connect(process.argv[2]), amqp.connect(`${process.argv[2]}/other`)]);
const [caller, server] = await Promise.all([here.createConfirmChannel(), other.createConfirmChannel()]);
await caller.assertQueue('calls', { durable: true });
await server.assertQueue('calls', { durable: true });
const consumers = async () => (await caller.checkQueue('calls')).consumerCount;
console.log(`without a server: consumers ${await consumers()}`);

const { promise: returned, resolve } = Promise.withResolvers();
server.on('return', ({ fields }) => resolve(fields.replyText));
await server.consume('calls', (call) => {
  server.sendToQueue(call.properties.replyTo, Buffer.from('pong'), { mandatory: true });
}, { noAck: true });
while (await consumers() === 0) await new Promise((after) => setTimeout(after, 200));
console.log(`with one on the other virtual host: consumers ${await consumers()}`);

const { queue } = await caller.assertQueue('', { exclusive: true });
caller.sendToQueue('calls', Buffer.from('ping'), { replyTo: queue, mandatory: true });
await caller.waitForConfirms();
console.log(`the request: confirmed; the answer: ${await returned}; the reply queue: ${(await caller.checkQueue(queue)).messageCount}`);
await Promise.all([here.close(), other.close()]);
JS
saw=$(node call.mjs "$amqp")
expected='without a server: consumers 0
with one on the other virtual host: consumers 1
the request: confirmed; the answer: NO_ROUTE; the reply queue: 0'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
