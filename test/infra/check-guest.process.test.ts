import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';

const SCRIPT = join(import.meta.dirname, '..', '..', 'infra', 'monitoring', 'check_guest.sh');

const folder = new TemporaryFolder('check-guest');
const token = folder.file('token');
/** Answers with the status in the path, and with the reason after it. */
const server = createServer(({ url = '', headers }, response) => {
  const [, status, reason] = url.split('/');
  if (headers['x-auth-token'] !== 'secret') return response.writeHead(401).end();
  const proxyStatus = { 'Proxy-Status': `guest-rpc-ping; error=e; details="${reason}"` };
  return response.writeHead(Number(status), reason === undefined ? {} : proxyStatus).end();
});

beforeAll(async () => {
  writeFileSync(token, 'secret\n');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  await folder.remove();
});

/** What a monitoring system gets: the exit code, and the one line. */
function check(url: string, tokenFile = token): Promise<readonly [unknown, string]> {
  return new Promise((resolve) => {
    execFile('sh', [SCRIPT, url, tokenFile], (error, stdout) => resolve([error?.code ?? 0, stdout.trim()]));
  });
}

test.each([
  ['204', 0, 'OK: the guest answers'],
  ['400/no_consumer', 2, 'CRITICAL: no_consumer'],
  ['400/broker_blocked', 3, 'UNKNOWN: broker_blocked'],
  ['503', 3, 'UNKNOWN: HTTP 503'],
])('an answer %s', async (path, code, line) => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  expect(await check(`http://127.0.0.1:${port}/${path}`)).toEqual([code, line]);
});

test('without an answer, or a token, the line says why', async () => {
  expect(await check('http://127.0.0.1:1/')).toEqual([3, expect.stringMatching(/^UNKNOWN: curl: \(7\) .+$/)]);
  const [code, line] = await check('http://127.0.0.1:1/', folder.file('none'));
  expect([code, line]).toEqual([3, expect.stringMatching(/^UNKNOWN: cat: .*none/)]);
});
