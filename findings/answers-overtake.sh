#!/usr/bin/env bash
# RabbitMQ does not answer the methods of one channel in their order. The answer to basic.consume is made by the queue's process, and passes
# through the channel's mailbox behind the methods that have arrived already: these are answered first. A client that sends ahead and matches
# answers by their order takes one for another. With queue.bind in place of basic.consume the answers come in order.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" amqplib@2.3.1

cat > order.cjs <<'JS'
const { connect } = require('amqplib');
const defs = require(require.resolve('amqplib').replace('channel_api.js', 'lib/defs.js'));

const NAMES = Object.fromEntries(Object.entries(defs).filter(([name]) => /Ok$/.test(name)).map(([name, id]) => [id, name]));
const common = { nowait: false, arguments: {}, ticket: 0 };
const declare = (queue) => [defs.QueueDeclare, { ...common, queue, passive: false, durable: false, exclusive: true, autoDelete: false }];
const bind = (queue) => [defs.QueueBind, { ...common, queue, exchange: 'amq.direct', routingKey: queue }];
const consume = (queue) => [defs.BasicConsume, { ...common, queue, consumerTag: queue, noLocal: false, noAck: true, exclusive: false }];

(async () => {
  const connection = await connect(process.argv[2]);
  const channel = await connection.createChannel();
  const send = async (...methods) => {
    const answers = [];
    const all = new Promise((resolve) => {
      channel.accept = (frame) => answers.push(NAMES[frame.id]) === methods.length && resolve();
    });
    for (const [method, fields] of methods) channel.sendImmediately(method, fields);
    await all;
    const sent = methods.map(([method]) => Object.keys(defs).find((name) => defs[name] === method));
    console.log(`${sent.join(', ')}: ${answers.join(', ')}`);
  };
  for (const next of [bind, consume]) {
    const queues = [1, 2, 3].map((number) => `${next.name} ${number}`);
    await send(...queues.flatMap((queue) => [declare(queue), next(queue)]));
  }
  process.exit();
})();
JS
saw=$(node order.cjs "$amqp")
expected='QueueDeclare, QueueBind, QueueDeclare, QueueBind, QueueDeclare, QueueBind: QueueDeclareOk, QueueBindOk, QueueDeclareOk, QueueBindOk, QueueDeclareOk, QueueBindOk
QueueDeclare, BasicConsume, QueueDeclare, BasicConsume, QueueDeclare, BasicConsume: QueueDeclareOk, QueueDeclareOk, QueueDeclareOk, BasicConsumeOk, BasicConsumeOk, BasicConsumeOk'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
