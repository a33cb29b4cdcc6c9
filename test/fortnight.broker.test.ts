import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import { type FleetState, parseFleetState } from '../functions/changes/fleet-state.ts';
import { parseHistoryLine } from '../functions/history/history-line.ts';
import { incidentsOf } from '../functions/history/incidents.ts';
import { TemporaryFolder } from '../infra/local/parts/temporary-folder.ts';
import { EventRule, successEvent } from './setup/event-rule.ts';
import { HealthCheckUnderTest, NO_TIME_TO_RETURN_MS } from './setup/health-check-under-test.ts';
import { respond } from './setup/responder.ts';
import { ResponderFleet } from './setup/responder-fleet.ts';
import { TestBroker } from './setup/test-broker.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2027, 0, 4);

let broker: TestBroker;
let folder: TemporaryFolder;

beforeAll(async () => {
  broker = await TestBroker.create();
  folder = new TemporaryFolder('fortnight');
});
afterAll(async () => {
  await broker.delete();
  await folder.remove();
});

/** Without the hours: a sweep takes a second or two. */
function inDays(notice: string): string {
  return notice.replaceAll(/(for|after) (\d+ d) \d+ h/g, '$1 $2');
}

test("a guest's fortnight: each notice once, in its order", async () => {
  const rule = EventRule.of({ resources: () => JSON.parse(process.env['TEST_EVENT_RULES'] ?? '[]') });
  const [clock, state] = [folder.file('clock'), folder.file('fleet.json')];
  writeFileSync(clock, '0');
  await using check = await HealthCheckUnderTest.start({
    BROKER_URL: broker.url,
    BROKER_MANAGEMENT_URL: broker.managementUrl,
    RPC_TIMEOUT_SECONDS: '3',
    NO_CONSUMER_GRACE_SECONDS: '0.2',
    FLEET_STATE_URL: pathToFileURL(state).href,
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'setup', 'moved-clock.mjs')).href}`,
    CLOCK_FILE: clock,
  });
  await new ResponderFleet(await broker.channel()).add('reachable', 5);
  const guest = randomUUID();
  let agent: ConfirmChannel | undefined;
  const live = async () => {
    agent ??= await broker.channel();
    await respond(agent, guest, (request) => request.reply());
  };
  const die = async () => {
    await agent?.close();
    agent = undefined;
  };

  const notices: string[] = [];
  const at = (day: number, hour: number) => {
    writeFileSync(clock, String(START + (24 * day + hour) * HOUR - Date.now()));
  };
  const sweep = async (day: number, hour: number) => {
    at(day, hour);
    const { summary } = await check.sweep({}, NO_TIME_TO_RETURN_MS);
    const notice = rule.notice(successEvent({}, summary));
    if (notice !== undefined)
      notices.push(`day ${day} ${hour} h: ${inDays(notice.slice(15, -1).replaceAll(guest, 'G'))}`);
    return summary;
  };
  const saved = (): FleetState => parseFleetState(readFileSync(state, 'utf8'));

  await live();
  await sweep(0, 0);
  await die();
  for (const hour of [1, 2]) await sweep(0, hour);
  const mute = { target: guest, for: '26h', note: 'new disk', author: 'ann' };
  const muted = await check.lambda.invoke({ mute });
  expect(muted).toMatchObject({ mutes: [{ target: guest, note: 'new disk', guests: 1 }] });
  for (const [day, hour] of [
    [0, 3],
    [0, 20],
    [1, 2],
  ] as const)
    expect(await sweep(day, hour)).toMatchObject({ unreachable: 0, muted: 1, changes: [] });
  await sweep(1, 5); // the mute has ended
  expect(await check.lambda.invoke({ mutes: true })).toEqual({ mutes: [] });
  for (const [day, hour] of [
    [1, 6],
    [2, 4],
    [2, 5.5],
    [2, 6],
    [3, 4],
    [3, 6],
    [3, 7],
  ] as const)
    await sweep(day, hour);
  for (const hour of [0, 1, 2]) {
    await live();
    await sweep(4, 2 * hour);
    await die();
    await sweep(4, 2 * hour + 1);
  }
  for (const hour of [6, 7, 8, 9, 10, 11]) await sweep(4, hour);
  for (const [day, hour] of [
    [11, 10],
    [11, 12],
  ] as const)
    await sweep(day, hour);
  expect(await sweep(12, 0)).toMatchObject({ unreachable: 0, abandoned: 1 });
  await live();
  for (const hour of [0, 1]) await sweep(13, hour);

  expect(notices).toEqual([
    'day 0 2 h: 1 guest became unreachable: G (no_consumer, since 01:00 UTC).',
    'day 1 5 h: 1 guest is still unreachable, and no longer muted: G (no_consumer, since 2027-01-04 01:00 UTC).',
    'day 2 5.5 h: 1 guest is still unreachable: 1 by no_consumer (G for 2 d).',
    'day 3 6 h: 1 guest is still unreachable: 1 by no_consumer (G for 3 d).',
    'day 4 0 h: 1 guest is reachable again: G (after 3 d).',
    'day 4 4 h: 1 guest is flapping: G (no_consumer, since 00:00 UTC).',
    'day 4 10 h: 1 guest became unreachable: G (no_consumer, since 05:00 UTC).',
    'day 11 10 h: 1 guest has been unreachable for so long that it counts as abandoned (this is the last reminder): G (no_consumer, since 2027-01-08 05:00 UTC).',
    'day 13 0 h: 1 guest is reachable again: G (after 8 d).',
  ]);

  const filed = readFileSync(join(state.replace('.json', '.history'), '2027-01.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const lines = [...filed.map(parseHistoryLine), ...(saved().unfiled ?? [])].filter(
    (line) => line !== undefined,
  );
  expect(incidentsOf(lines, {}).map(({ from, to }) => [from.slice(5, 13), to?.slice(5, 13)])).toEqual([
    ['01-08T00', '01-17T00'],
    ['01-04T01', '01-08T00'],
  ]);
}, 120_000);
