#!/usr/bin/env bash
# aws4 reads a plus sign in a query as a space and sends the space: the request that is signed and sent asks for something else than
# the caller wrote. AWS's own signer keeps the plus sign. Both signatures are valid, each for its own request.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" aws4@1.13.2 @smithy/signature-v4@5.7.5

cat > sign.mjs <<'JS'
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import aws4 from 'aws4';
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' };
class Sha256 {
  constructor(key) { this.hash = key ? createHmac('sha256', key) : createHash('sha256'); }
  update(data) { this.hash.update(data); }
  async digest() { return this.hash.digest(); }
}
const signer = new SignatureV4({ service: 'execute-api', region: 'eu-west-1', credentials, sha256: Sha256, applyChecksum: false });
const headers = { 'X-Amz-Date': '20260101T000000Z' };
const signatures = async (written) => {
  const signed = aws4.sign({ service: 'execute-api', region: 'eu-west-1', host: 'api.example', path: `/find?name=${written}`, headers: { ...headers } }, credentials);
  const name = decodeURIComponent(written); // as RFC 3986 has it: a plus sign is a plus sign
  const request = { method: 'GET', protocol: 'https:', hostname: 'api.example', path: '/find', query: { name }, headers: { host: 'api.example' } };
  const other = await signer.sign(request, { signingDate: new Date('2026-01-01T00:00:00Z') });
  const of = (text) => /Signature=(.*)/.exec(text)[1];
  const isSame = of(signed.headers.Authorization) === of(other.headers.authorization);
  console.log(`?name=${written}: aws4 sends ${signed.path}, ${isSame ? 'the same signature' : 'another signature'}`);
};
await signatures('a%2Bb');
await signatures('a+b');
JS
saw=$(node sign.mjs)
expected='?name=a%2Bb: aws4 sends /find?name=a%2Bb, the same signature
?name=a+b: aws4 sends /find?name=a%20b, another signature'
echo 'aws4 1.13.2, @smithy/signature-v4 5.7.5'
echo "$saw"
[ "$saw" = "$expected" ]
