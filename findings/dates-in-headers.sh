#!/usr/bin/env bash
# amqplib sends a Date, a Map or a Set in a header as an empty table, without a word. Other values that AMQP has no type for are
# refused (a BigInt raises), and the property "timestamp" refuses a Date: only its own wrapper { '!': 'timestamp', value } arrives.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" amqplib@2.3.1

cat > headers.cjs <<'JS'
const { decodeFields, encodeTable } = require('./node_modules/amqplib/lib/codec.js');
const date = new Date('2026-01-01T00:00:00Z');
const values = { date, map: new Map([['a', 1]]), set: new Set([1]), wrapped: { '!': 'timestamp', value: date.getTime() / 1000 }, bigint: 1n };
for (const [name, value] of Object.entries(values)) {
  const bytes = Buffer.alloc(100);
  try {
    const length = encodeTable(bytes, { value }, 0);
    console.log(name, 'arrives as', JSON.stringify(decodeFields(bytes.subarray(4, length)).value));
  } catch (error) {
    console.log(name, 'raises', error.name);
  }
}
JS
saw=$(node headers.cjs)
expected='date arrives as {}
map arrives as {}
set arrives as {}
wrapped arrives as {"!":"timestamp","value":1767225600}
bigint raises TypeError'
echo 'amqplib 2.3.1'
echo "$saw"
[ "$saw" = "$expected" ]
