import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { expect, test } from '@jest/globals';
import { KeystoneApi } from '../../functions/keystone/keystone-api.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { makeCertificates } from '../setup/certificates.ts';
import { KeystoneStandIn, refuse, vouchFor } from '../setup/keystone-stand-in.ts';

const UNAVAILABLE = { name: 'KeystoneUnavailable', code: 'keystone_unavailable' };

async function ask(handle: RequestListener, timeoutMs = 3000): Promise<unknown> {
  await using keystone = await KeystoneStandIn.start(handle);
  return await new KeystoneApi(keystone.url).validate('secret-token', Deadline.in(timeoutMs));
}

test('a Keystone that is not there is unavailable', async () => {
  const api = new KeystoneApi(`http://127.0.0.1:${await freePort()}/v3`);
  await expect(api.validate('t', Deadline.in(3000))).rejects.toMatchObject({
    ...UNAVAILABLE,
    message: 'Keystone cannot be reached: ECONNREFUSED',
  });
});

test('a Keystone that is silent is unavailable when the time is over', async () => {
  await expect(ask(() => undefined, 100)).rejects.toMatchObject({
    ...UNAVAILABLE,
    message: 'Keystone did not answer in time',
  });
});

test('a Keystone that never ends its answer is unavailable when the time is over', async () => {
  const trickle: RequestListener = (_request, response) => {
    response.writeHead(200).write('{"token": ');
  };
  await expect(ask(trickle, 100)).rejects.toMatchObject({
    ...UNAVAILABLE,
    message: 'Keystone did not answer in time',
  });
});

test('a Keystone that hangs up is unavailable', async () => {
  await expect(ask((request) => request.socket.destroy())).rejects.toMatchObject(UNAVAILABLE);
  const halfway: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{"token": ', () => response.destroy());
  };
  await expect(ask(halfway)).rejects.toMatchObject(UNAVAILABLE);
});

test('an answer of 60 MB is given up after the first one', async () => {
  let sent = 0;
  const flood: RequestListener = (_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(1 << 16, ' ');
    const more = () => {
      while (sent < 60e6 && !response.destroyed && response.write(chunk)) sent += chunk.length;
    };
    response.on('drain', more);
    more();
  };
  await expect(ask(flood)).rejects.toMatchObject({
    ...UNAVAILABLE,
    message: 'Keystone sent too long an answer',
  });
  expect(sent).toBeLessThan(30e6);
});

test.each([301, 302, 307, 308])(
  'a redirect (%d) is not followed: the token goes nowhere else',
  async (status) => {
    await using other = await KeystoneStandIn.start();
    const redirect: RequestListener = (_request, response) => {
      response.writeHead(status, { location: `${other.url}/auth/tokens` }).end();
    };
    const message = `Keystone answered ${status}, a redirect, which is not followed: compare KEYSTONE_URL`;
    await expect(ask(redirect)).rejects.toMatchObject({ ...UNAVAILABLE, message });
    expect(other.asked).toEqual([]);
  },
);

test.each<[string, number, string]>([
  ['HTML', 200, '<html>Welcome</html>'],
  ['nothing', 200, ''],
  ['no token', 200, '{}'],
  ['null', 200, 'null'],
  ['a token of nobody', 200, '{"token": {"expires_at": "2099-01-01T00:00:00Z", "roles": []}}'],
  ['a token without end', 200, '{"token": {"user": {"name": "u"}, "roles": [{"name": "admin"}]}}'],
  [
    'roles that are none',
    200,
    '{"token": {"user": {"name": "u"}, "expires_at": "2099-01-01T00:00:00Z", "roles": ["admin"]}}',
  ],
  ['500', 500, '{"error": {"code": 500}}'],
  ['503 of a load balancer', 503, '<html>Service Unavailable</html>'],
  ['403: its policy', 403, '{"error": {"code": 403}}'],
  ['429', 429, ''],
  ['204', 204, ''],
  ['401 of somebody else', 401, '<html>Who are you?</html>'],
  ["404 of somebody else: not Keystone's URL", 404, '<html>Not Found</html>'],
])('a Keystone that answers %s is unavailable', async (_what, status, body) => {
  const answer = ask((_request, response) => response.writeHead(status).end(body));
  await expect(answer).rejects.toMatchObject(UNAVAILABLE);
});

test.each([
  [429, '17', '17'],
  [503, 'Fri, 31 Dec 2026 23:59:59 GMT', 'Fri, 31 Dec 2026 23:59:59 GMT'],
  [503, 'soon', undefined],
  [503, undefined, undefined],
])('of %d, its Retry-After %s is passed on as %s', async (status, sent, retryAfter) => {
  const headers = sent === undefined ? {} : { 'Retry-After': sent };
  const answer = ask((_request, response) => response.writeHead(status, headers).end());
  await expect(answer).rejects.toMatchObject({ ...UNAVAILABLE, retryAfter });
});

test.each([401, 404])("Keystone's own %d is a token that it does not know", async (status) => {
  await expect(ask(refuse(status))).rejects.toMatchObject({ name: 'Unauthenticated', code: 'token_unknown' });
});

test('no error has the token in it, however deep', async () => {
  for (const handle of [refuse(), refuse(403), () => undefined]) {
    const error = await ask(handle, 200).catch((thrown: unknown) => thrown);
    for (let inner = error; inner instanceof Error; inner = inner.cause)
      expect(JSON.stringify({ ...inner, message: inner.message, stack: inner.stack })).not.toContain(
        'secret-token',
      );
  }
});

test('a token of a project is its expiry, project, user and roles', async () => {
  expect(await ask(vouchFor({ expiresAt: '2026-11-24T17:00:00.000000Z' }))).toEqual({
    expiresAtMs: Date.UTC(2026, 10, 24, 17),
    project: { id: 'tenant', name: 'Tenant' },
    userName: 'boss',
    roles: ['reader', 'admin'],
  });
});

test('a Keystone whose certificate nobody vouches for does not get the token', async () => {
  const folder = new TemporaryFolder('keystone-tls');
  await makeCertificates(folder.path, 'good');
  const [key = '', cert = ''] = await Promise.all(
    ['good.key', 'good.pem'].map((name) => readFile(folder.file(name), 'utf8')),
  );
  let asked = 0;
  const server = createServer({ key, cert }, () => asked++).listen(0, 'localhost');
  try {
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await expect(
      new KeystoneApi(`https://localhost:${port}/v3`).validate('t', Deadline.in(3000)),
    ).rejects.toMatchObject({
      ...UNAVAILABLE,
      cause: { code: expect.stringMatching(/CERT|SIGNATURE/) },
    });
    expect(asked).toBe(0);
  } finally {
    server.close();
    await folder.remove();
  }
});
