import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { readSecret, secretsManagerUrl } from '../../functions/secrets/secrets-manager.ts';
import { Deadline } from '../../functions/time/deadline.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Stands for Secrets Manager: answers each request with `answer`, and keeps it in `received`. */
let standIn: Server;
let received: Received[] = [];
let answer: { status: number; body: string };

const { env } = process;
const originalEnv = { ...env };

beforeAll(async () => {
  standIn = createServer(async (request, response) => {
    const body = (await request.setEncoding('utf8').toArray()).join('');
    received.push({ headers: request.headers, body });
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' }).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(standIn, 'listening');
  const address = standIn.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  Object.assign(env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    AWS_SESSION_TOKEN: 'token',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${address.port}`,
  });
});
afterEach(() => {
  received = [];
});
afterAll(() => {
  for (const name of Object.keys(env)) if (!(name in originalEnv)) delete env[name];
  Object.assign(env, originalEnv);
  standIn.close();
});

test.each([
  [400, '{"__type":"com.amazonaws.secretsmanager#ResourceNotFoundException"}', 'ResourceNotFoundException'],
  [400, '{"__type":"AccessDeniedException","Message":"not authorized"}', 'AccessDeniedException'],
  [500, 'oops', 'UnexpectedAnswer'],
  [200, '{"SecretBinary":"AA=="}', 'UnexpectedAnswer'],
  [200, 'null', 'UnexpectedAnswer'],
])(
  'an answer with status %d and the body %s throws SecretUnavailable with the exception %s',
  async (status, body, exception) => {
    answer = { status, body };
    await expect(readSecret('s', Deadline.in(3000))).rejects.toMatchObject({
      name: 'SecretUnavailable',
      code: 'secret_unavailable',
      exception,
      message: expect.stringContaining(exception),
    });
  },
);

test.each([
  [
    '{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: secretsmanager:GetSecretValue on resource: s"}',
    'AccessDeniedException for want of secretsmanager:GetSecretValue',
  ],
  [
    '{"__type":"AccessDeniedException","Message":"Access to KMS is not allowed"}',
    'AccessDeniedException for want of kms:Decrypt on its key',
  ],
  [
    '{"__type":"InvalidRequestException","Message":"You can\'t perform this operation on the secret because it was marked for deletion."}',
    'InvalidRequestException: it is marked for deletion',
  ],
  ['{"SecretBinary":"AA=="}', 'UnexpectedAnswer: it is binary, and must be text (SecretString)'],
])('the answer %s is told as %s', async (body, told) => {
  answer = { status: 400, body };
  const message = `The secret s cannot be read: ${told}`;
  await expect(readSecret('s', Deadline.in(3000))).rejects.toMatchObject({ message });
});

test('a byte order mark is no part of a secret', async () => {
  answer = { status: 200, body: JSON.stringify({ SecretString: '\uFEFF{"username":"u"}' }) };
  await expect(readSecret('s', Deadline.in(3000))).resolves.toBe('{"username":"u"}');
});

test.each([
  'eu-central-1',
  'us-gov-west-1',
  'cn-north-1',
  'eusc-de-east-1',
  'us-iso-east-1',
  'us-isob-east-1',
  'us-isof-south-1',
  'eu-isoe-west-1',
])("the address in %s is that of the SDK's own client", (region) => {
  const { config } = new SecretsManagerClient({ region });
  const { url } = config.endpointProvider({ Region: region, UseFIPS: false, UseDualStack: false });
  expect(`${secretsManagerUrl(region)}/`).toBe(url.href);
});

test('a Secrets Manager that cannot be reached throws SecretUnavailable with ECONNREFUSED', async () => {
  const there = env['AWS_ENDPOINT_URL_SECRETS_MANAGER'];
  env['AWS_ENDPOINT_URL_SECRETS_MANAGER'] = 'http://127.0.0.1:1';
  await expect(readSecret('s', Deadline.in(3000))).rejects.toMatchObject({ exception: 'ECONNREFUSED' });
  env['AWS_ENDPOINT_URL_SECRETS_MANAGER'] = there;
});

test("a secret is read by the same request as the SDK's own client makes, with a valid signature", async () => {
  answer = { status: 200, body: JSON.stringify({ Name: 'broker', SecretString: '{"username":"u"}' }) };
  await expect(readSecret('broker', Deadline.in(3000))).resolves.toBe('{"username":"u"}');
  await new SecretsManagerClient({}).send(new GetSecretValueCommand({ SecretId: 'broker' }));

  const [ours, sdks] = received;
  expect(ours?.body).toBe(sdks?.body);
  for (const name of ['content-type', 'x-amz-target', 'x-amz-security-token']) {
    expect(ours?.headers[name]).toBe(sdks?.headers[name]);
  }
  for (const request of received) expect(request.headers.authorization).toContain(signature(request));
});

/** Signature Version 4, computed as its documentation describes it. */
function signature({ headers, body }: Received): string {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
  const lines = signed.split(';').map((name) => `${name}:${headers[name]}\n`);
  const canonical = ['POST', '/', '', lines.join(''), signed, sha256(body)].join('\n');
  const time = String(headers['x-amz-date']);
  const scope = [time.slice(0, 8), 'eu-central-1', 'secretsmanager', 'aws4_request'];
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${env['AWS_SECRET_ACCESS_KEY']}`);
  return `Signature=${hmac(key, toSign).toString('hex')}`;
}
