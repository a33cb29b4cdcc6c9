#!/usr/bin/env bash
# A heartbeat is agreed on by connection.tune-ok, and RabbitMQ sends the first one half an interval later, whether or not the connection is
# open by then. amqplib takes it for the answer to connection.open, and gives the connection up: on a path that holds connection.open back
# for a second, no connection with a heartbeat of one second is ever made, and one without is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" amqplib@2.3.1

cat > slow.cjs <<'JS'
const net = require('node:net');
const { connect } = require('amqplib');

const broker = new URL(process.argv[2]);
const OPEN = Buffer.from('000a0028', 'hex');

// Passes everything on at once, but for connection.open, which takes a second.
const path = net.createServer((client) => {
  const server = net.connect(broker.port, broker.hostname);
  server.pipe(client);
  client.on('data', (data) => {
    const method = data.indexOf(OPEN);
    const from = method === -1 ? data.length : method - 7;
    server.write(data.subarray(0, from));
    if (from < data.length) setTimeout(() => server.write(data.subarray(from)), 1000);
  });
  for (const socket of [client, server]) socket.on('error', () => undefined);
});

path.listen(0, '127.0.0.1', async () => {
  for (const heartbeat of [0, 1]) {
    const url = `amqp://guest:guest@127.0.0.1:${path.address().port}?heartbeat=${heartbeat}`;
    const outcome = await connect(url).then(() => 'open', (error) => error.message);
    console.log(`heartbeat=${heartbeat}: ${outcome}`);
  }
  process.exit();
});
JS
saw=$(node slow.cjs "$amqp")
expected='heartbeat=0: open
heartbeat=1: Expected ConnectionOpenOk; got <Heartbeat>'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
