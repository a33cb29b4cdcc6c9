#!/usr/bin/env bash
# Two Responses of fetch are equal to jest's toStrictEqual and to Node's deepStrictEqual, whatever their status, headers and body: a test
# that compares them, or objects that hold them, cannot fail. So are two Requests. jest sees what tells two Headers apart; Node does not.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" jest@30.5.2 "node-linux-$(node -p process.arch)@24.20.0"
export PATH=$work/node_modules/.bin:$PATH

echo '{ "testEnvironment": "node", "transform": {} }' > jest.config.json
cat > equal.test.js <<'JS'
const { deepStrictEqual } = require('node:assert');
const { writeFileSync } = require('node:fs');
const pairs = {
  Response: [new Response('alive'), new Response('dead', { status: 503, headers: { 'retry-after': '5' } })],
  'Response in an object': [{ answer: new Response('alive') }, { answer: new Response('dead', { status: 503 }) }],
  Request: [new Request('http://one/'), new Request('http://two/', { method: 'DELETE' })],
  Headers: [new Headers({ 'retry-after': '5' }), new Headers({ 'retry-after': '9' })],
  URL: [new URL('http://one/'), new URL('http://two/')],
};
const says = (compare) => {
  try {
    compare();
    return 'equal';
  } catch {
    return 'different';
  }
};
test('compares', () => {
  const lines = Object.entries(pairs).map(
    ([name, [one, two]]) =>
      `${name}: jest ${says(() => expect(one).toStrictEqual(two))}, Node ${says(() => deepStrictEqual(one, two))}\n`,
  );
  writeFileSync('saw', lines.join(''));
});
JS
jest --silent equal.test.js 2> jest.log || { cat jest.log >&2; exit 1; }
saw=$(cat saw)
expected='Response: jest equal, Node equal
Response in an object: jest equal, Node equal
Request: jest equal, Node equal
Headers: jest different, Node equal
URL: jest different, Node different'
echo "jest 30.5.2, Node $(node -p process.versions.node)"
echo "$saw"
[ "$saw" = "$expected" ]
