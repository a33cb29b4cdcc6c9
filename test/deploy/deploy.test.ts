import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { bundle } from '../../infra/bundle/bundle.ts';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { EXISTING, NEW } from '../infra/variants.ts';
import { MotoServer } from '../s3/moto-server.ts';
import { AwsStandIn } from '../setup/aws-stand-in.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { respond } from '../setup/responder.ts';
import { isSignedBy } from '../setup/signature.ts';
import { synthesize } from '../setup/synthesize.ts';
import { TestBroker } from '../setup/test-broker.ts';

// All of a deployment with a new broker, made by AWS's APIs as moto has them, and the broker's users on a real RabbitMQ; then
// the commands of a deployer. Of API Gateway and Lambda, moto runs nothing without Docker: the bundled functions answer there.

const ROOT = join(import.meta.dirname, '..', '..');
const SETTINGS = {
  ...NEW,
  troveUser: true,
  describeBroker: true,
  clientCidrs: ['10.1.0.0/16'],
  maintenanceWindow: 'SUNDAY 03:30',
  alarmEmail: 'operator@example.com',
};

interface Deployed {
  /** How many resources, by stack. */
  readonly made: Readonly<Record<string, number>>;
  readonly users: readonly Readonly<Record<string, string>>[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly subnets: readonly string[];
}

jest.setTimeout(600_000);

let folder: TemporaryFolder;
let moto: MotoServer;
let broker: TestBroker;
let deployed: Deployed;
let lambda: LambdaProcess | undefined;
/** Hears the answer of the custom resource. */
let cloudFormation: AwsStandIn;
/** API Gateway, which checks signatures, and Lambda's invocations. */
let api: AwsStandIn;
let env: Record<string, string>;
const CALLER = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'token',
  region: 'eu-central-1',
};
const client = () => ({ endpoint: moto.url, region: CALLER.region, credentials: CALLER });

beforeAll(async () => {
  folder = new TemporaryFolder('deploy');
  moto = await MotoServer.start();
  api = await AwsStandIn.start(() => ({ status: 404, body: {} }));
  env = {
    AWS_REGION: CALLER.region,
    AWS_ACCESS_KEY_ID: CALLER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CALLER.secretAccessKey,
    AWS_SESSION_TOKEN: CALLER.sessionToken,
    AWS_ENDPOINT_URL: moto.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: moto.url, // the one that the functions know
    HOME: folder.path,
    PATH: process.env['PATH'] ?? '',
  };
  await synthesize(folder.path, SETTINGS, undefined, 'trove-eu');
  const cdk = join(ROOT, 'node_modules', '.bin', 'cdk');
  execFileSync(cdk, ['bootstrap', 'aws://123456789012/eu-central-1'], {
    cwd: folder.path,
    env,
    stdio: 'pipe',
  });
  const script = join(import.meta.dirname, 'deploy.py');
  deployed = JSON.parse(
    moto.run({ ...env, API_URL: api.url }, 'python3', script, folder.path, 'trove-eu-broker', 'trove-eu'),
  );
  broker = await TestBroker.create();
  cloudFormation = await AwsStandIn.start(() => ({ body: '' }));
});
afterAll(async () => {
  await lambda?.end();
  await cloudFormation?.close();
  await api?.close();
  for (const user of ['guest-rpc-ping', 'trove']) await broker?.request('DELETE', `users/${user}`);
  await broker?.delete();
  await moto?.stop();
  await folder.remove();
});

test('every resource of both stacks is accepted', () => {
  const { 'trove-eu-broker': ofBroker, 'trove-eu': ofFunctions } = deployed.made;
  expect([ofBroker, ofFunctions]).toEqual([expect.any(Number), expect.any(Number)]);
  expect(Number(ofBroker) + Number(ofFunctions)).toBeGreaterThan(100);
});

test('every output resolves', () => {
  expect(Object.keys(deployed.outputs)).toEqual(
    expect.arrayContaining(['Url', 'ApiArn', 'AlarmTopic', 'BrokerEndpoint', 'TroveSecret', 'FleetState']),
  );
  for (const [name, value] of Object.entries(deployed.outputs)) {
    expect([name, typeof value]).toEqual([name, 'string']);
    expect(value).not.toMatch(/^$|Token\[|Fn::|\{"Ref|undefined|None/);
  }
});

test("the users' function makes the users of the template, with generated passwords, on a real RabbitMQ", async () => {
  const secrets = new SecretsManagerClient(client());
  const local = { name: 'broker-users', bundlePath: await bundle('broker-users'), timeoutMs: 60_000 };
  lambda = await LambdaProcess.start(local, env, () => undefined);
  expect(deployed.users).toHaveLength(2);
  for (const properties of deployed.users) {
    const { AdministratorSecretId, UserSecretId: SecretId = '' } = properties;
    const SecretString = JSON.stringify({ username: 'guest', password: 'guest' });
    await secrets.send(new PutSecretValueCommand({ SecretId: AdministratorSecretId, SecretString }));
    await lambda.invoke({
      RequestType: 'Create',
      ResponseURL: `${cloudFormation.url}/response`,
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'user',
      ResourceProperties: { ...properties, Endpoint: broker.managementUrl, Vhost: broker.vhost },
    });
    const [answer] = cloudFormation.requests.splice(0);
    expect(JSON.parse(answer?.body ?? '{}')).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: expect.any(String),
    });
    const kept = await secrets.send(new GetSecretValueCommand({ SecretId }));
    const { username, password } = JSON.parse(kept.SecretString ?? '');
    const authorization = `Basic ${btoa(`${username}:${password}`)}`;
    const { status } = await fetch(`${broker.managementUrl}/api/whoami`, { headers: { authorization } });
    expect([username, status]).toEqual([username, username === 'trove' ? 401 : 200]); // 401: it has no tag
    expect(await broker.request('GET', `permissions/${broker.vhost}/${username}`)).toMatchObject({
      configure: properties['Configure'],
      write: properties['Write'],
      read: properties['Read'],
    });
  }
});

/** Runs a command of a deployer. @returns its exit code, and its lines without colours */
async function command(variables: Record<string, string>, path: string, ...args: readonly string[]) {
  const options = { env: variables, cwd: ROOT };
  const { promise, resolve } = Promise.withResolvers<string>();
  const child = execFile(process.execPath, [join(ROOT, path), ...args], options, (_error, stdout, stderr) =>
    resolve(stdout + stderr),
  );
  const lines = stripVTControlCharacters(await promise)
    .trim()
    .split('\n');
  return { code: child.exitCode, lines };
}

async function preflight(settings: object): Promise<readonly string[]> {
  const path = folder.file('settings');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'trove-eu.json'), JSON.stringify(settings));
  return (await command(env, 'infra/preflight/preflight-command.ts', 'trove-eu', path)).lines;
}

/**
 * What moto's APIs lack: GetAccountSettings, DescribeBrokerInstanceOptions, brokers with the id and the time of AWS's form, the
 * endpoint service of Amazon MQ.
 */
const LACKING = [
  /^✘ Lambda's concurrency cannot be checked: the answer is none of AWS's/,
  /^✘ The name guest-rpc-ping cannot be checked: the answer is none of AWS's/,
  /^… The broker guest-rpc-ping: brokerEndpoint does not say which one/,
  /^✘ A single-instance of RabbitMQ 4.2 on mq.m7g.medium cannot be checked: the answer is none of AWS's/,
  /^✘ Interface endpoints cannot be checked: InvalidServiceName: .*eu-central-1\.mq/,
];

test('npm run preflight finds all else in order: bootstrap, broker, network, secrets, key', async () => {
  const { KeyMetadata: key } = await new KMSClient(client()).send(new CreateKeyCommand({}));
  const secretsKmsKeyArn = key?.Arn;
  const ofNew = await preflight({ ...SETTINGS, secretsKmsKeyArn });
  const [, s3PrefixListId] = /S3: its list of addresses is (pl-\w+)\./.exec(ofNew.join('\n')) ?? [];
  const { outputs, subnets } = deployed;
  const beside = {
    ...EXISTING,
    brokerId: undefined,
    brokerEndpoint: outputs['BrokerEndpoint'],
    brokerName: SETTINGS.brokerName,
    brokerSecretArn: outputs['BrokerSecret'],
    brokerSecurityGroupId: outputs['BrokerSecurityGroup'],
    vpcId: outputs['VpcId'],
    subnetIds: subnets,
    s3PrefixListId,
    secretsKmsKeyArn,
  };
  const wrong = (lines: readonly string[]) =>
    lines.filter((line) => !line.startsWith('✔') && !LACKING.some((known) => known.test(line)));
  expect([wrong(ofNew), wrong(await preflight(beside))]).toEqual([[], []]);
  expect(ofNew.find((line) => line.includes('bootstrap'))).toMatch(/^✔ .*: version \d+\.$/);
});

test("npm run smoke reads the stack's outputs, and proves the functions by the user that was made", async () => {
  await respond(await broker.channel(), randomUUID(), ({ reply }) => reply());
  const SecretId = deployed.outputs['BrokerSecret'];
  const { SecretString = '' } = await new SecretsManagerClient(client()).send(
    new GetSecretValueCommand({ SecretId }),
  );
  const { username, password } = JSON.parse(SecretString);
  const settings = {
    BROKER_URL: broker.url.replace('guest:guest', `${username}:${password}`),
    BROKER_MANAGEMENT_URL: broker.managementUrl,
  };
  await using fn = await FunctionUnderTest.start(settings);
  await using healthCheck = await HealthCheckUnderTest.start(settings);
  api.answer = async (request) => {
    const { method, path } = request;
    if (path === '/2015-03-31/functions/trove-eu-health-check/invocations')
      return { body: (await healthCheck.sweep()).summary };
    if (!isSignedBy(CALLER, request)) return { status: 403, body: { message: 'Forbidden' } };
    const { status, headers, body } = await fn.request(method, path);
    return { status, headers: Object.fromEntries(headers), body };
  };
  const variables = { ...env, AWS_ENDPOINT_URL_LAMBDA: api.url };
  const { code, lines } = await command(variables, 'infra/smoke/smoke-command.ts', '--stack', 'trove-eu');
  expect([code, lines]).toEqual([
    0,
    expect.arrayContaining([
      expect.stringMatching(/^✔ queue_missing, as it must be/),
      expect.stringMatching(/^✔ 403 without a signature/),
      expect.stringMatching(/^1 of 1 guests reachable/),
    ]),
  ]);
});
