import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { bundle } from '../infra/bundle/bundle.ts';
import { LambdaProcess, type LocalFunction } from '../infra/local/parts/lambda-process.ts';
import { instance, stateOf, unreachable } from './page/states.ts';
import { eventually } from './setup/eventually.ts';
import { S3StandIn, s3Error } from './setup/s3-stand-in.ts';

const STATE = { FLEET_STATE_URL: 's3://fleet/fleet-state.json' };

let local: LocalFunction;
let s3: S3StandIn;
let lambda: LambdaProcess | undefined;
const log: string[] = [];

/** The bundled function, with these environment variables. */
async function start(settings: Readonly<Record<string, string>>): Promise<LambdaProcess> {
  lambda = await LambdaProcess.start(local, { ...s3.aws.settings, ...settings }, (line) => log.push(line));
  return lambda;
}

/** The first line of the log, which may come later than the answer. */
async function logged(): Promise<unknown> {
  const [line = ''] = await eventually(
    async () => log,
    ({ length }) => length > 0,
  );
  return JSON.parse(line);
}

beforeAll(async () => {
  local = { name: 'fleet-page', bundlePath: await bundle('fleet-page'), timeoutMs: 10_000 };
  s3 = await S3StandIn.start();
});
afterEach(async () => {
  await lambda?.end();
  log.length = 0;
  s3.before = () => undefined;
});
afterAll(() => s3.aws.close());

describe('wrong settings', () => {
  test.each([
    [{}, 'FLEET_STATE_URL is not set'],
    [{ FLEET_STATE_URL: 'https://fleet.example/' }, 'FLEET_STATE_URL is neither'],
    [{ FLEET_STATE_URL: 'file:state.json' }, 'FLEET_STATE_URL is neither'],
    [{ ...STATE, HEALTH_CHECK_RATE_MINUTES: '0' }, 'HEALTH_CHECK_RATE_MINUTES is not'],
  ])('a page with %j fails and logs why', async (settings, why) => {
    const page = await start(settings);
    await expect(page.invoke({})).rejects.toThrow(why);
    expect(await logged()).toMatchObject({ level: 'ERROR', error: { code: 'invalid_config' } });
    expect(await page.invoke({ describe: true })).toContain('### Widget parameters');
  });
});

test("a page that may not read the state says so, logs S3's exception, and shows no guests", async () => {
  s3.before = () => s3Error(403, 'AccessDenied');
  const widget = await (await start(STATE)).invoke({ widgetContext: { theme: 'dark' } });
  expect(widget).toContain('The result of the last sweep cannot be read');
  expect(widget).toContain('AccessDenied');
  expect(widget).not.toContain('<table');
  expect(await logged()).toMatchObject({
    service: 'fleet-page',
    error: { exception: 'AccessDenied' },
  });
});

test('a page shows what S3 has at each invocation, and asks for that one object alone', async () => {
  const page = await start(STATE);
  expect(await page.invoke({})).toContain('No sweep has been saved yet');
  const at = new Date().toISOString();
  const guests = { [instance(1)]: unreachable('no_consumer', 0, { since: at }) };
  s3.objects.set('/fleet/fleet-state.json', JSON.stringify(stateOf(guests, 2, { at })));
  expect(await page.invoke({})).toContain('1 of 3 guests is unreachable');
  expect(new Set(s3.requests)).toEqual(new Set(['GET /fleet/fleet-state.json?x-id=GetObject']));
});
