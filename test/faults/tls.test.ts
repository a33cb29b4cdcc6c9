import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { AwsStandIn } from '../setup/aws-stand-in.ts';
import { type Certificate, listenWithTls, makeCertificates } from '../setup/certificates.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { respond } from '../setup/responder.ts';
import { SHARED_RABBIT, TestBroker } from '../setup/test-broker.ts';

const COMPLAINTS = {
  'other-host': /not in the cert's altnames/,
  expired: /has expired/,
  weak: /key too weak/,
};

/** Runs where Debian's packages can be installed: these tests need a RabbitMQ server and openssl. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

onDebian('TLS as of Amazon MQ', () => {
  let folder: string;
  let broker: TestBroker;
  let fn: FunctionUnderTest | undefined;
  const alive = randomUUID();
  const ports = new Map<Certificate, number>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guest-rpc-ping-tls-'));
    const names = ['good', 'other-host', 'expired', 'weak'] as const;
    await makeCertificates(folder, ...names);
    for (const name of names) ports.set(name, await listenWithTls(SHARED_RABBIT, folder, name));
    broker = await TestBroker.create();
    await respond(await broker.channel(), alive, ({ reply }) => reply());
  });
  afterAll(async () => {
    await broker.delete();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    await fn?.end();
    fn = undefined;
  });

  async function ping(url: string, settings: Record<string, string> = trusted()) {
    fn = await FunctionUnderTest.start({ BROKER_URL: url, RPC_TIMEOUT_SECONDS: '3', ...settings });
    return fn.ping(alive);
  }

  function trusted() {
    return { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
  }

  function tlsUrl(certificate: Certificate = 'good'): string {
    const { pathname } = new URL(broker.url);
    return `amqps://guest:guest@localhost:${ports.get(certificate)}${pathname}`;
  }

  function unreachable(how: string) {
    return { status: 400, body: expect.stringContaining(`The broker cannot be reached (${how})`) };
  }

  test('a broker whose certificate has an unknown CA is broker_unreachable: tls certificate error', async () => {
    expect(await ping(tlsUrl(), {})).toMatchObject(unreachable('tls certificate error'));
  });

  test('an amqps URL that leads to a plaintext port is broker_unreachable: tls protocol error', async () => {
    expect(await ping(broker.url.replace('amqp:', 'amqps:'))).toMatchObject(
      unreachable('tls protocol error'),
    );
  });

  test('an amqp URL that leads to a TLS port is broker_unreachable, and told as no AMQP', async () => {
    const { headers, body } = await ping(tlsUrl().replace('amqps:', 'amqp:'));
    expect(headers.get('proxy-status')).toContain('error=connection_terminated');
    expect(body).toContain('what answers there does not speak AMQP 0-9-1');
  });

  test('a guest is reached over TLS when CA and host name of the certificate are right', async () => {
    expect(await ping(tlsUrl())).toMatchObject({ status: 204 });
  });

  test('a guest is reached over TLS with no more settings than a broker id, a secret and a virtual host', async () => {
    const secret = JSON.stringify({ username: 'guest', password: 'guest' });
    const description = {
      brokerState: 'RUNNING',
      brokerInstances: [{ endpoints: [`amqps://localhost:${ports.get('good')}`] }],
    };
    const aws = await AwsStandIn.start(({ path }) => ({
      body: path.startsWith('/v1/brokers') ? description : { SecretString: secret },
    }));
    fn = await FunctionUnderTest.start({
      BROKER_ID: 'b-1234',
      BROKER_SECRET_ID: 'broker',
      BROKER_VHOST: broker.vhost,
      ...aws.settings,
      ...trusted(),
    });
    expect(await fn.ping(alive)).toMatchObject({ status: 204 });
    expect(aws.requests).toHaveLength(2);
    await aws.close();
  });

  test('a broker that asks for a client certificate is broker_unreachable, which says so', async () => {
    const ca = `{cacertfile,"${join(folder, 'ca.pem')}"}`;
    const options = `${ca},{verify,verify_peer},{fail_if_no_peer_cert,true},{versions,['tlsv1.3']}`;
    const port = await listenWithTls(SHARED_RABBIT, folder, 'good', options);
    const { headers, body } = await ping(tlsUrl().replace(/:\d+\//, `:${port}/`));
    expect(headers.get('proxy-status')).toContain('error=tls_certificate_error');
    expect(body).toContain('it asks for a client certificate');
  });

  test.each(['other-host', 'expired', 'weak'] as const)(
    'a broker whose certificate is %s is broker_unreachable: tls certificate error',
    async (name) => {
      expect(await ping(tlsUrl(name))).toMatchObject(unreachable('tls certificate error'));
      const { log } = (await fn?.telemetry(alive)) ?? { log: [] };
      expect(log[0]?.['todo']).toMatch(COMPLAINTS[name]);
    },
  );
});
