#!/usr/bin/env bash
# RabbitMQ counts a channel towards its user's limit for a moment after channel.close-ok. A client that has never more channels than the limit,
# and opens one as soon as another one is closed, loses its connection. With a pause of half a second in between it does not, nor where
# the same number is the connection's channel_max.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" amqplib@2.3.1
curl -sf -u guest:guest -X PUT "$management/api/users/limited" -H 'content-type: application/json' -d '{"password": "limited", "tags": ""}'
curl -sf -u guest:guest -X PUT "$management/api/permissions/%2F/limited" -H 'content-type: application/json' \
  -d '{"configure": "", "read": "", "write": ""}'
curl -sf -u guest:guest -X PUT "$management/api/user-limits/limited/max-channels" -H 'content-type: application/json' -d '{"value": 2}'

cat > reopen.cjs <<'JS'
const { connect } = require('amqplib');
const { setTimeout: pause } = require('node:timers/promises');

/** Opens a second channel and closes it, so often or until the connection ends. */
async function reopen(url, times, pauseMs) {
  const connection = await connect(url);
  const ended = new Promise((resolve) => {
    connection.on('error', ({ code, message }) => resolve(`${code} ${/NOT_ALLOWED/.exec(message)?.[0] ?? message}`));
  });
  await connection.createChannel();
  const all = async () => {
    for (let i = 0; i < times; i++) {
      const channel = await connection.createChannel();
      await channel.close();
      if (pauseMs > 0) await pause(pauseMs);
    }
    await connection.close();
    return `${times} channels, one after the other`;
  };
  return Promise.race([ended, all().catch(() => ended)]);
}

(async () => {
  const limited = process.argv[2].replace('guest:guest', 'limited:limited');
  console.log(`limit of the user, at once: ${await reopen(limited, 5_000, 0)}`);
  console.log(`limit of the user, with a pause: ${await reopen(limited, 10, 500)}`);
  console.log(`channel_max, at once: ${await reopen(`${process.argv[2]}?channelMax=2`, 5_000, 0)}`);
  process.exit();
})();
JS
saw=$(node reopen.cjs "$amqp")
expected='limit of the user, at once: 530 NOT_ALLOWED
limit of the user, with a pause: 10 channels, one after the other
channel_max, at once: 5000 channels, one after the other'
echo "RabbitMQ $RABBITMQ, amqplib 2.3.1"
echo "$saw"
[ "$saw" = "$expected" ]
