import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { permissionsOf } from '../infra/broker/broker-users.ts';
import { bundle } from '../infra/bundle/bundle.ts';
import { LambdaProcess } from '../infra/local/parts/lambda-process.ts';
import { AwsStandIn } from './setup/aws-stand-in.ts';
import { GRANTED } from './setup/granted.ts';
import { TestBroker } from './setup/test-broker.ts';

const OURS = permissionsOf({ controlExchange: 'trove', controlPlaneTopics: 'taskmanager,trove-conductor' });

let aws: AwsStandIn;
let broker: TestBroker;
let lambda: LambdaProcess;
const log: string[] = [];
const secrets = new Map<string, string>();
let name = '';

beforeAll(async () => {
  broker = await TestBroker.create();
  aws = await AwsStandIn.start(({ method, body }) => ({
    body: method === 'PUT' ? '' : { SecretString: secrets.get(JSON.parse(body).SecretId) },
  }));
  const local = { name: 'broker-users', bundlePath: await bundle('broker-users'), timeoutMs: 60_000 };
  lambda = await LambdaProcess.start(local, aws.settings, (line) => log.push(line));
});
beforeEach(() => {
  name = `user-${randomUUID()}`;
  secrets.set('administrator', JSON.stringify({ username: 'guest', password: 'guest' }));
  secrets.set('user', JSON.stringify({ username: name, password: 'first-password' }));
});
afterEach(() => {
  for (const text of [
    ...log,
    ...aws.requests.filter(({ method }) => method === 'PUT').map(({ body }) => body),
  ])
    expect(text).not.toContain('-password'); // in no log, and in nothing that CloudFormation shows
  aws.requests.length = 0;
  log.length = 0;
});
afterAll(async () => {
  await lambda.end();
  await aws.close();
  await broker.delete();
});

/** What CloudFormation hears when it asks for a user. */
async function ask(RequestType: string, more: object = {}, properties: object = {}) {
  const identity = { StackId: 'stack', RequestId: randomUUID(), LogicalResourceId: 'UsersFunctionsUser' };
  await lambda.invoke({
    RequestType,
    ResponseURL: `${aws.url}/response?signature`,
    ...identity,
    ...more,
    ResourceProperties: {
      ServiceToken: 'arn',
      Endpoint: broker.managementUrl,
      AdministratorSecretId: 'administrator',
      UserSecretId: 'user',
      Vhost: broker.vhost,
      ...OURS,
      ...properties,
    },
  });
  const [answer, ...others] = aws.requests.splice(0).filter(({ method }) => method === 'PUT');
  expect(others).toEqual([]);
  expect(answer).toMatchObject({ path: '/response?signature', headers: { 'content-type': '' } });
  const { Status, Reason, PhysicalResourceId, ...rest } = JSON.parse(answer?.body ?? '');
  expect(rest).toEqual(identity);
  return { Status, Reason, PhysicalResourceId };
}

/** RabbitMQ's answer to the user who asks who it is. */
async function whoAmI(user: string, password: string) {
  const authorization = `Basic ${btoa(`${user}:${password}`)}`;
  const response = await fetch(`${broker.managementUrl}/api/whoami`, { headers: { authorization } });
  return response.status;
}

test('the permissions are those that the manual grants', () => {
  const { Configure: configure, Write: write, Read: read } = OURS;
  expect({ configure, write, read }).toEqual(GRANTED);
});

test('other names are taken literally, once each', () => {
  const { Write } = permissionsOf({ controlExchange: 'a.b', controlPlaneTopics: 'x:taskmanager,a.b' });
  expect(Write).toBe('^(a\\.b|guestagent\\..*|x|taskmanager)$');
});

test('a user is made with its password, tag and permissions, and once more changes nothing', async () => {
  for (const type of ['Create', 'Update'])
    expect(await ask(type)).toEqual({ Status: 'SUCCESS', PhysicalResourceId: name });
  expect(await whoAmI(name, 'first-password')).toBe(200);
  expect(await broker.request('GET', `permissions/${broker.vhost}/${name}`)).toMatchObject(GRANTED);
  expect(await ask('Delete', { PhysicalResourceId: name })).toMatchObject({ Status: 'SUCCESS' });
});

test('a virtual host that is not there is made', async () => {
  const vhost = `made-${randomUUID()}`;
  expect(await ask('Create', {}, { Vhost: vhost })).toMatchObject({ Status: 'SUCCESS' });
  expect(await broker.request('GET', `permissions/${vhost}/${name}`)).toMatchObject(GRANTED);
  await broker.request('DELETE', `vhosts/${vhost}`);
  await ask('Delete', { PhysicalResourceId: name });
});

test('a rotation makes the second user, then deletes the first, whose secret is gone', async () => {
  await ask('Create');
  const first = name;
  secrets.set('second', JSON.stringify({ username: `${first}-2`, password: 'second-password' }));
  const second = await ask('Update', { PhysicalResourceId: first }, { UserSecretId: 'second' });
  expect(second).toEqual({ Status: 'SUCCESS', PhysicalResourceId: `${first}-2` });
  expect([await whoAmI(first, 'first-password'), await whoAmI(`${first}-2`, 'second-password')]).toEqual([
    200, 200,
  ]);
  secrets.delete('user');
  expect(await ask('Delete', { PhysicalResourceId: first })).toMatchObject({ Status: 'SUCCESS' });
  expect(await whoAmI(first, 'first-password')).toBe(401);
  await ask('Delete', { PhysicalResourceId: `${first}-2` });
});

test('a user that is gone already counts as deleted', async () => {
  expect(await ask('Delete', { PhysicalResourceId: name })).toEqual({
    Status: 'SUCCESS',
    PhysicalResourceId: name,
  });
});

test('CloudFormation hears why the broker refused, and of a user that it can delete', async () => {
  secrets.set('administrator', JSON.stringify({ username: 'guest', password: 'wrong-password' }));
  expect(await ask('Create')).toEqual({
    Status: 'FAILED',
    Reason: expect.stringMatching(
      /^PUT http:\/\/127\.0\.0\.1:\d+\/api\/vhosts\/test-\w+ answered with status 401$/,
    ),
    PhysicalResourceId: 'UsersFunctionsUser',
  });
});

test('CloudFormation hears which secret could not be read', async () => {
  secrets.delete('user');
  expect(await ask('Create')).toMatchObject({
    Status: 'FAILED',
    Reason: expect.stringContaining('The secret user cannot be read'),
  });
});
