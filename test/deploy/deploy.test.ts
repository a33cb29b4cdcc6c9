import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { bundle } from '../../infra/bundle/bundle.ts';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { NEW } from '../infra/variants.ts';
import { MotoServer } from '../s3/moto-server.ts';
import { AwsStandIn } from '../setup/aws-stand-in.ts';
import { synthesize } from '../setup/synthesize.ts';
import { TestBroker } from '../setup/test-broker.ts';

// All of a deployment with a new broker, made by AWS's APIs as moto has them, and the broker's users on a real RabbitMQ.

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
}

jest.setTimeout(600_000);

let folder: TemporaryFolder;
let moto: MotoServer;
let broker: TestBroker;
let deployed: Deployed;
let lambda: LambdaProcess | undefined;
/** Hears the answer of the custom resource. */
let cloudFormation: AwsStandIn;
let env: Record<string, string>;

beforeAll(async () => {
  folder = new TemporaryFolder('deploy');
  moto = await MotoServer.start();
  env = {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    AWS_ENDPOINT_URL: moto.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: moto.url, // the one that the functions know
  };
  await synthesize(folder.path, SETTINGS, undefined, 'trove-eu');
  const cdk = join(ROOT, 'node_modules', '.bin', 'cdk');
  const bootstrap = execFileSync(cdk, ['bootstrap', '--show-template', '--json'], { cwd: folder.path });
  writeFileSync(folder.file('bootstrap.json'), bootstrap);
  const script = join(import.meta.dirname, 'deploy.py');
  deployed = JSON.parse(moto.run(env, 'python3', script, folder.path, 'trove-eu-broker', 'trove-eu'));
  broker = await TestBroker.create();
  cloudFormation = await AwsStandIn.start(() => ({ body: '' }));
});
afterAll(async () => {
  await lambda?.end();
  await cloudFormation?.close();
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

test('the users’ function makes the users of the template, with generated passwords, on a real RabbitMQ', async () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const secrets = new SecretsManagerClient({ endpoint: moto.url, region: 'eu-central-1', credentials });
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
    await broker.request('DELETE', `users/${username}`);
  }
});

test('npm run preflight reads the account, and finds the bootstrap that was made', () => {
  mkdirSync(folder.file('settings'));
  writeFileSync(folder.file('settings/trove-eu.json'), JSON.stringify(SETTINGS));
  const command = [join(ROOT, 'infra/preflight/preflight-command.ts'), 'trove-eu', folder.file('settings')];
  const told = (() => {
    try {
      return execFileSync(process.execPath, command, { env, cwd: ROOT, encoding: 'utf8' });
    } catch (error) {
      return String(Object(error).stdout);
    }
  })();
  expect(told).toContain('✔ Credentials: arn:aws:');
  expect(told).toMatch(/✔ .*bootstrap/i);
});
