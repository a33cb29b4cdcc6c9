import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { smoke as run } from '../../infra/smoke/smoke-command.ts';
import { type AwsAnswer, type AwsRequest, AwsStandIn } from '../setup/aws-stand-in.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { KeystoneStandIn } from '../setup/keystone-stand-in.ts';
import { encodeReply, respond } from '../setup/responder.ts';
import { isSignedBy } from '../setup/signature.ts';
import { TestBroker } from '../setup/test-broker.ts';

const COMMAND = join(import.meta.dirname, '..', '..', 'infra', 'smoke', 'smoke-command.ts');
const API_ARN = 'arn:aws:execute-api:eu-central-1:123456789012:api/*/GET/v1.0/*/mgmt/instances/*/rpc_ping';
const HEALTH_CHECK = '/2015-03-31/functions/GuestRpcPing-health-check/invocations';

let aws: AwsStandIn;
let broker: TestBroker;
let emptyBroker: TestBroker;
let fn: FunctionUnderTest;
let healthCheck: HealthCheckUnderTest;
const started: AsyncDisposable[] = [];
/** The answers of AWS's services; each test may set its own. */
let stack: () => AwsAnswer;
let api: (request: AwsRequest) => AwsAnswer | Promise<AwsAnswer>;
let lambda: () => AwsAnswer | Promise<AwsAnswer>;

beforeAll(async () => {
  [broker, emptyBroker] = await Promise.all([TestBroker.create(), TestBroker.create()]);
  await respond(await broker.channel(), '0e4b5a7e-5e4c-4a53-9d19-0f3f4e6b2a11', ({ reply }) => reply());
  fn = await FunctionUnderTest.start({ BROKER_URL: broker.url });
  healthCheck = await HealthCheckUnderTest.start(sweepSettings(broker.managementUrl));
  aws = await AwsStandIn.start((request) => {
    if (request.path.startsWith('/v1.0/')) return api(request);
    return request.path === HEALTH_CHECK ? lambda() : stack();
  });
});
afterAll(async () => {
  await aws.close();
  await fn.end();
  await healthCheck[Symbol.asyncDispose]();
  await Promise.all([broker.delete(), emptyBroker.delete()]);
});
beforeEach(() => {
  aws.requests.length = 0;
  stack = () => outputs({ Url: aws.url, ApiArn: API_ARN, RpcPingLog: 'the-log' });
  api = (request) => checked(request, fn);
  lambda = async () => ({ body: (await healthCheck.sweep()).summary });
});
afterEach(async () => {
  for (const one of started.splice(0)) await one[Symbol.asyncDispose]();
});

function sweepSettings(managementUrl: string): Record<string, string> {
  return { BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: managementUrl };
}

/** CloudFormation's answer to DescribeStacks. */
function outputs(values: Record<string, string>): AwsAnswer {
  const members = Object.entries(values).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  const one = `<member><StackName>GuestRpcPing</StackName><Outputs>${members.join('')}</Outputs></member>`;
  const result = `<DescribeStacksResult><Stacks>${one}</Stacks></DescribeStacksResult>`;
  return {
    headers: { 'content-type': 'text/xml' },
    body: `<DescribeStacksResponse>${result}</DescribeStacksResponse>`,
  };
}

function awsError(status: number, code: string, message: string): AwsAnswer {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse>${error}<RequestId>1</RequestId></ErrorResponse>`,
  };
}

/** API Gateway with IAM authorization: checks the signature, then passes the request on to the local gateway. */
async function checked(request: AwsRequest, behind: FunctionUnderTest): Promise<AwsAnswer> {
  if (!isSignedBy(caller(), request)) return { status: 403, body: { message: 'Forbidden' } };
  return passed(request, behind);
}

async function passed(
  { method, path }: AwsRequest,
  behind: FunctionUnderTest,
  ownHeaders: Record<string, string> = {},
): Promise<AwsAnswer> {
  const { status, headers, body } = await behind.request(method, path, ownHeaders);
  return { status, headers: Object.fromEntries(headers), body };
}

function caller() {
  const { settings } = aws;
  return {
    accessKeyId: settings.AWS_ACCESS_KEY_ID,
    secretAccessKey: settings.AWS_SECRET_ACCESS_KEY,
    sessionToken: settings.AWS_SESSION_TOKEN,
    region: settings.AWS_REGION,
  };
}

async function startFunction(settings: Record<string, string>): Promise<FunctionUnderTest> {
  const one = await FunctionUnderTest.start(settings);
  started.push(one);
  return one;
}

interface Run {
  readonly code: number;
  /** Standard output, then standard error. */
  readonly output: string;
}

/** Environment variables that lead to the stand-in and nowhere else. */
function environment(settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'] ?? '',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...aws.settings,
    ...settings,
  };
}

/** Runs the command with these environment variables, and those that lead to the stand-in. */
async function smoke(args: string[], settings: NodeJS.ProcessEnv = {}): Promise<Run> {
  const { env } = process;
  process.env = Object.fromEntries(
    Object.entries(environment(settings)).filter(([, value]) => value !== undefined),
  );
  const printed: unknown[] = [];
  const spies = (['log', 'error'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation((line) => void printed.push(line)),
  );
  try {
    const code = await run(args);
    return { code, output: stripVTControlCharacters(printed.map((line) => `${line}\n`).join('')) };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.env = env;
  }
}

/** Runs the command as `npm run smoke` does. */
function asProcess(args: string[], settings: NodeJS.ProcessEnv = {}): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: environment(settings) };
    const child = execFile(process.execPath, [COMMAND, ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

/** The paths of all requests whose path begins so. */
function asked(beginning: string): string[] {
  return aws.requests.map(({ path }) => path).filter((path) => path.startsWith(beginning));
}

test.each([
  [0, [], '1 of 1 guests reachable'],
  [3, ['--url', 'http://api.example'], 'http://api.example is not a URL of the API'],
])('the command exits with %i, as its function returns', async (code, args, text) => {
  expect(await asProcess(args)).toEqual({ code, output: expect.stringContaining(text) });
});

describe('exit code 3', () => {
  afterEach(() => expect(asked('/v1.0/')).toEqual([]));

  test('the smoke test exits with 3 and pings nothing without credentials', async () => {
    const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_SESSION_TOKEN: '' };
    for (const args of [[], ['--url', aws.url]])
      expect(await smoke(args, none)).toMatchObject({
        code: 3,
        output: expect.stringMatching(/Could not load credentials.* Export credentials/),
      });
  });

  test('the smoke test exits with 3 and pings nothing without a region', async () => {
    expect(await smoke([], { AWS_REGION: undefined })).toMatchObject({
      code: 3,
      output: expect.stringContaining('Export AWS_REGION.'),
    });
  });

  test('the smoke test exits with 3 and pings nothing when the stack does not exist', async () => {
    stack = () => awsError(400, 'ValidationError', 'Stack with id Another does not exist');
    expect(await smoke(['--stack', 'Another'])).toEqual({
      code: 3,
      output:
        'The outputs of the stack Another cannot be read: ValidationError: Stack with id Another does not exist. ' +
        'Compare the name with `aws cloudformation list-stacks`, and AWS_REGION.\n',
    });
    expect(aws.requests[0]?.body).toContain('StackName=Another');
  });

  test('the smoke test exits with 3 and pings nothing when the caller may not read the stack', async () => {
    stack = () => awsError(403, 'AccessDenied', 'not authorized to perform: cloudformation:DescribeStacks');
    expect(await smoke([])).toMatchObject({
      code: 3,
      output: expect.stringContaining('cloudformation:DescribeStacks. Grant what the message names'),
    });
  });

  test('the smoke test exits with 3 and pings nothing when the stack has no output Url', async () => {
    stack = () => outputs({});
    expect(await smoke([])).toMatchObject({ code: 3, output: expect.stringContaining('has no output Url') });
  });

  test('the smoke test exits with 3 and pings nothing when the URL is http and not of this machine', async () => {
    expect(await smoke(['--url', 'http://api.example'])).toMatchObject({
      code: 3,
      output: expect.stringContaining('http://api.example is not a URL of the API'),
    });
  });

  test('the smoke test exits with 3 and pings nothing when --url and --stack are both given', async () => {
    expect(await smoke(['--url', aws.url, '--stack', 'GuestRpcPing'])).toMatchObject({
      code: 3,
      output: expect.stringContaining('give one of them'),
    });
  });
});

describe('exit code 1', () => {
  afterEach(() => expect(asked('/2015-03-31/')).toEqual([]));

  test.each([
    ['the secret key is wrong', { AWS_SECRET_ACCESS_KEY: 'wrong' }],
    ["the region is not the API's", { AWS_REGION: 'us-east-1' }],
    ['the session token is another one', { AWS_SESSION_TOKEN: 'old' }],
  ])(
    'the smoke test exits with 1, and invokes no health check, when the API refuses it since %s',
    async (_why, settings) => {
      const { code, output } = await smoke([], settings);
      expect(code).toBe(1);
      expect(output).toContain('403: API Gateway refuses the signature: Forbidden. The caller');
      expect(output).toContain(`execute-api:Invoke on ${API_ARN}`);
    },
  );

  test.each([
    [3_600_000, 'slow'],
    [-3_600_000, 'fast'],
  ])(
    "the smoke test exits with 1 when API Gateway's clock is %i ms ahead, and calls the own clock %s",
    async (ahead, word) => {
      const date = new Date(Date.now() + ahead).toUTCString();
      api = () => ({ status: 403, headers: { date }, body: { message: 'Forbidden' } });
      expect(await smoke([])).toMatchObject({
        code: 1,
        output: expect.stringContaining(`The clock of this machine is 60 minutes ${word}: set it.`),
      });
    },
  );

  test.each<[number, object, string]>([
    [404, { message: 'Not Found' }, '404: there is no such API here: Not Found. Compare the URL'],
    [429, { message: 'Too Many Requests' }, '429: API Gateway takes no more requests'],
    [500, { message: 'Internal Server Error' }, '500: the function ended without an answer'],
    [503, { message: 'Service Unavailable' }, '503: the function did not answer in time'],
    [504, { message: 'Gateway Timeout' }, '504: the function did not answer in time'],
    [400, { message: 'Bad Request' }, '400 without a reason known here'],
    [302, {}, '302: no answer of this API'],
    [204, {}, '204: no answer of this API'],
    [500, { instanceFault: { message: 'a\u001b[2Jb' } }, '500: the function failed: a\\u001b[2Jb.'],
    [
      503,
      { serviceUnavailable: { message: 'The Keystone service is down.' } },
      '503: the function could not answer: The Keystone service is down.',
    ],
    [
      401,
      { message: 'Unauthorized' },
      '401: Keystone does not let this caller in: Unauthorized. Export OS_TOKEN',
    ],
  ])(
    'the smoke test exits with 1, and invokes no health check, when API Gateway itself answers %i',
    async (status, body, text) => {
      api = () => ({ status, body });
      expect(await smoke([])).toMatchObject({ code: 1, output: expect.stringContaining(text) });
    },
  );

  test('the smoke test exits with 1, and invokes no health check, when no process listens at the URL', async () => {
    const url = `http://localhost:${await freePort()}`;
    expect(await asProcess(['--url', url])).toMatchObject({
      code: 1,
      output: expect.stringMatching(/no answer: ECONNREFUSED: .*compare .*--url/),
    });
  });

  test('the smoke test exits with 1, and invokes no health check, when the broker is down', async () => {
    const behind = await startFunction({ BROKER_URL: `amqp://guest:guest@localhost:${await freePort()}` });
    api = (request) => checked(request, behind);
    expect(await smoke([])).toMatchObject({
      code: 1,
      output: expect.stringMatching(
        /✘ broker_unreachable \(connection_refused\): An error occurred .* Check the broker's state/,
      ),
    });
  });

  test('the smoke test exits with 1 for a misconfigured function, and prints its message and its log group', async () => {
    const behind = await startFunction({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: 'soon' });
    api = (request) => checked(request, behind);
    expect(await smoke([])).toMatchObject({
      code: 1,
      output: expect.stringMatching(
        /500: the function failed: .*RPC_TIMEOUT_SECONDS.* `aws logs tail the-log --since 10m`/,
      ),
    });
  });

  test('the smoke test exits with 1, and invokes no health check, when a guest answers for any id', async () => {
    const channel = await emptyBroker.channel();
    await channel.assertExchange('trove', 'topic', { autoDelete: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'trove', 'guestagent.#');
    await channel.consume(
      queue,
      (delivery) => {
        const { _reply_q: to, _msg_id: id } = JSON.parse(
          JSON.parse(String(delivery?.content))['oslo.message'],
        );
        channel.sendToQueue(to, Buffer.from(encodeReply(id)));
      },
      { noAck: true },
    );
    const behind = await startFunction({ BROKER_URL: emptyBroker.url });
    api = (request) => checked(request, behind);
    expect(await smoke([])).toMatchObject({
      code: 1,
      output: expect.stringContaining('204: a guest has answered. But no guest can have this random id'),
    });
    await channel.deleteQueue(queue); // and with it the exchange
  });
});

test('the smoke test exits with 1, after a health check that tells what the broker said, when it refuses the login', async () => {
  const settings = { BROKER_URL: broker.url.replace('guest:guest', 'guest:hunter2') };
  const [behind, refused] = [await startFunction(settings), await HealthCheckUnderTest.start(settings)];
  started.push(refused);
  api = (request) => checked(request, behind);
  lambda = async () => ({ body: (await refused.sweep()).summary });
  const { code, output } = await smoke([]);
  expect(output).toContain('The broker said: 403 ACCESS_REFUSED - Login was refused');
  expect(code).toBe(1);
  expect(output).toContain('✘ broker_refused (proxy_configuration_error)');
  expect(output).not.toContain('hunter2');
});

test('the smoke test exits with 1, after a health check, for a broker without any registered guest', async () => {
  const behind = await startFunction({ BROKER_URL: emptyBroker.url });
  api = (request) => checked(request, behind);
  const { code, output } = await smoke([]);
  expect(code).toBe(1);
  expect(output).toContain('exchange_missing: gateway, function, secret, network, broker and login work.');
  expect(output).toContain('No guest has registered with this broker yet, or the name is wrong');
  expect(asked('/2015-03-31/')).toHaveLength(1);
});

describe('exit code 2', () => {
  test.each<[string, AwsAnswer, string]>([
    [
      'a sweep is running already',
      {
        status: 429,
        headers: { 'x-amzn-errortype': 'TooManyRequestsException' },
        body: { message: 'Rate Exceeded.' },
      },
      'A sweep is running, and one runs at a time',
    ],
    [
      'the caller may not invoke the health check',
      {
        status: 403,
        headers: { 'x-amzn-errortype': 'AccessDeniedException' },
        body: { Message: 'not authorized to perform: lambda:InvokeFunction' },
      },
      'lambda:InvokeFunction. Grant what the message names',
    ],
    [
      'the health check fails',
      {
        headers: { 'x-amz-function-error': 'Unhandled' },
        body: { errorType: 'InvalidConfig', errorMessage: 'There is no broker.' },
      },
      'has failed: There is no broker. Correct',
    ],
    [
      'another function has the name of the health check',
      { body: { checked: 'all' } },
      'has not answered with a summary',
    ],
  ])('the smoke test exits with 2 after a proven ping when %s', async (_when, answer, text) => {
    lambda = () => answer;
    const { code, output } = await smoke([]);
    expect([code, output]).toEqual([2, expect.stringContaining(text)]);
    expect(output).toContain('✔ queue_missing');
    expect(asked('/2015-03-31/')).toHaveLength(1);
  });

  test('the smoke test exits with 2 when the guests cannot be listed, and prints why', async () => {
    const blind = await HealthCheckUnderTest.start(sweepSettings(`http://localhost:${await freePort()}`));
    started.push(blind);
    lambda = async () => ({ body: (await blind.sweep()).summary });
    const { code, output } = await smoke([]);
    expect([code, output]).toEqual([2, expect.stringContaining('fleet_unknown: ')]);
  });

  test('the smoke test exits with 2 when there are guests and none answers', async () => {
    lambda = async () => ({
      body: (await healthCheck.sweep({ instance_ids: ['0e4b5a7e-5e4c-4a53-9d19-0f3f4e6b2a12'] })).summary,
    });
    const { code, output } = await smoke([]);
    expect([code, output]).toEqual([2, expect.stringContaining('0 of 1 guests reachable')]);
  });
});

describe('exit code 0', () => {
  test('the smoke test exits with 0 after one signed ping of a random id, one unsigned one and one sweep', async () => {
    const { code, output } = await smoke([]);
    expect(output).toMatch(
      /^ping of (?<id>[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}), .*\n✔ queue_missing, .*\n✔ 403 without a signature: .*\nhealth check GuestRpcPing-health-check\n1 of 1 guests reachable .*\n$/,
    );
    expect(code).toBe(0);
    const signed = aws.requests.filter(
      (request) => request.path.startsWith('/v1.0/') && isSignedBy(caller(), request),
    );
    expect(signed).toHaveLength(1);
    expect(asked('/2015-03-31/')).toEqual([HEALTH_CHECK]);
  });

  test('the smoke test pings another id at each run', async () => {
    await smoke(['--url', aws.url]);
    await smoke(['--url', aws.url]);
    expect(new Set(asked('/v1.0/')).size).toBe(2);
  });

  test('the smoke test with --url alone calls nothing else of AWS, and prints that no sweep was made', async () => {
    const { code, output } = await smoke(['--url', `${aws.url}/`]);
    expect([code, output]).toEqual([0, expect.stringContaining('The health check was not invoked')]);
    expect(asked('/v1.0/')).toHaveLength(aws.requests.length);
  });

  test('the smoke test with --url and --health-check reads no stack', async () => {
    expect(await smoke(['--url', aws.url, '--health-check', 'GuestRpcPing-health-check'])).toMatchObject({
      code: 0,
    });
    expect(aws.requests.filter(({ path }) => path === '/')).toEqual([]);
  });

  test('the smoke test exits with 0 for an API that Keystone guards, with the token in OS_TOKEN', async () => {
    await using keystone = await KeystoneStandIn.start();
    const guarded = await startFunction({ BROKER_URL: broker.url, KEYSTONE_URL: keystone.url });
    api = (request) =>
      passed(request, guarded, { 'x-auth-token': String(request.headers['x-auth-token'] ?? '') });
    const { code, output } = await smoke([], { OS_TOKEN: 'gAAAA', OS_PROJECT_ID: 'tenant' });
    expect([code, output]).toEqual([0, expect.stringContaining('✔ 401 without a signature')]);
    expect(output).not.toContain('gAAAA');
    expect(await smoke([], { OS_TOKEN: 'gAAAA' })).toMatchObject({
      code: 1,
      output: expect.stringContaining('Export OS_PROJECT_ID'),
    });
  });

  test('the smoke test says that the authorization is not proven when the unsigned ping is throttled', async () => {
    api = (request) =>
      'authorization' in request.headers
        ? checked(request, fn)
        : { status: 429, body: { message: 'Too Many' } };
    const { code, output } = await smoke([]);
    expect([code, output]).toEqual([
      0,
      expect.stringContaining('429 without a signature: the authorization is not'),
    ]);
  });

  test('the smoke test exits with 0 for an API that anyone may call, and says so', async () => {
    api = (request) => passed(request, fn);
    const { code, output } = await smoke([]);
    expect([code, output]).toEqual([0, expect.stringContaining('anyone may call the API')]);
  });
});
