#!/usr/bin/env bash
# A small integer in a header means another thing to a Python consumer than to the Node publisher. amqplib writes it with the type
# tag b or s (RabbitMQ's: signed octet, signed 16 bits). py-amqp, below kombu and oslo.messaging, reads b as unsigned and s as a short
# string: -5 arrives as 251, 300 as a comma, and 1000 raises.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" amqplib@2.3.1
apt-get download -qq -o APT::Sandbox::User=root python3-amqp=5.1.1-1 python3-vine=5.0.0+dfsg-3
for package in *.deb; do dpkg-deb -x "$package" "$work"; done

cat > encode.cjs <<'JS'
const { encodeTable } = require('./node_modules/amqplib/lib/codec.js');
for (const attempts of [100, -5, 300, 1000, 100000]) {
  const bytes = Buffer.alloc(100);
  const length = encodeTable(bytes, { attempts, by: 'node' }, 0);
  console.log(attempts, bytes.toString('hex', 0, length));
}
JS
cat > decode.py <<'PY'
import sys
from amqp.serialization import loads
for line in sys.stdin:
    number, table = line.split()
    try:
        [headers], _ = loads('F', bytes.fromhex(table), 0)
        print(number, 'is read as', headers)
    except Exception as error:
        print(number, 'raises', type(error).__name__)
PY
saw=$(node encode.cjs | PYTHONPATH=$work/usr/lib/python3/dist-packages /usr/bin/python3 decode.py)
expected="100 is read as {'attempts': 100, 'by': 'node'}
-5 is read as {'attempts': 251, 'by': 'node'}
300 is read as {'attempts': ',', 'by': 'node'}
1000 raises UnicodeDecodeError
100000 is read as {'attempts': 100000, 'by': 'node'}"
echo 'amqplib 2.3.1, py-amqp 5.1.1'
echo "$saw"
[ "$saw" = "$expected" ]
