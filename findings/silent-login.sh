#!/usr/bin/env bash
# RabbitMQ stores a password of 4,200 characters, and refuses a wrong one in words. The right one it does not even read: three seconds
# later it ends the connection, without connection.close, as it does with whatever is longer than a frame of 4 kB before the login.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq
cd "$work"
npm install --silent --no-audit --no-fund amqplib@2.3.1

cat > logins.mjs <<'JS'
import amqp from 'amqplib';
const [, , url, management] = process.argv;
const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' };
const put = (path, body) => fetch(`${management}/api/${path}`, { method: 'PUT', headers, body: JSON.stringify(body) });
for (const length of [3500, 4200]) {
  const password = 'x'.repeat(length);
  const { status } = await put(`users/user-${length}`, { password, tags: '' });
  await put(`permissions/%2F/user-${length}`, { configure: '', write: '', read: '' });
  for (const tried of ['wrong', password]) {
    const start = performance.now();
    const answer = await amqp.connect(url.replace('guest:guest', `user-${length}:${tried}`)).then(
      (connection) => connection.close().then(() => 'open'),
      ({ message }) => (message.includes('ACCESS_REFUSED') ? 'refused in words' : 'ended without a word'),
    );
    const name = tried === password ? 'right' : 'wrong';
    console.log(`${length} (stored: ${status}), the ${name} one: ${answer}, after ${Math.floor((performance.now() - start) / 3000) * 3} s`);
  }
}
JS
saw=$(node logins.mjs "$amqp" "$management")
expected='3500 (stored: 201), the wrong one: refused in words, after 0 s
3500 (stored: 201), the right one: open, after 0 s
4200 (stored: 201), the wrong one: refused in words, after 0 s
4200 (stored: 201), the right one: ended without a word, after 3 s'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
