import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { Summary } from '../../../../functions/sweep/summary.ts';
import { localStateUrl } from '../../../../infra/local/demo/local-state.ts';
import { fleetReport } from '../../../../infra/local/terminal/fleet-report.ts';
import { readable } from '../../../../infra/local/terminal/log-line.ts';

const GUEST = '00000000-0000-4000-8000-000000000004';
const SINCE = '2026-11-24T14:05:11.000Z';
const SENTENCE = `1 guest became unreachable: ${GUEST} (no_consumer, since 14:05 UTC).`;

const SUMMARY: Summary = {
  checked: 2,
  reachable: 1,
  unreachable: 1,
  unreachable_by_reason: { no_consumer: 1 },
  unknown: 0,
  broker_reachable: true,
  round_trip_ms: null,
  duration_ms: 1234,
  guests_from: 'bindings',
  unreachable_guests: [{ instance_id: GUEST, reason: 'no_consumer', consumers: 0, waiting_messages: 1 }],
  unreachable_guests_omitted: 0,
  malformed_ids: [],
  duplicate_ids: [],
};

const report = (summary: Summary) => stripVTControlCharacters(fleetReport(summary));

describe('the report of a sweep', () => {
  test('the report of a sweep whose state is not kept says neither since when nor what has changed', () => {
    expect(report(SUMMARY)).toContain(GUEST);
    expect(report(SUMMARY)).not.toContain('since');
  });

  test('the report says since when each guest is unreachable, what has changed, and what is amiss with the state', () => {
    const text = report({
      ...SUMMARY,
      unreachable_guests: [{ instance_id: GUEST, reason: 'no_consumer', since: SINCE }],
      changes: [{ instance_id: GUEST, change: 'unreachable', reason: 'no_consumer', since: SINCE }],
      changes_omitted: 0,
      changes_sentence: SENTENCE,
      state_problem: { code: 'state_not_kept', message: 'The disk is full' },
    });
    expect(text).toMatch(/│ since {15}│/);
    expect(text).toMatch(/│ 2026-11-2\d \d\d:\d\d:11 │/); // in this machine's time zone
    expect(text).toContain(SENTENCE);
    expect(text).toContain('state_not_kept: The disk is full.');
  });
});

test('the terminal shows what has changed below the line of the sweep, and no line for each change', () => {
  const line = { timestamp: SINCE, message: 'health_check', outcome: 'unreachable', ...SUMMARY };
  const shown = readable(JSON.stringify({ ...line, changes: [], changes_sentence: SENTENCE })) ?? '';
  const [sweep = '', told = '', ...more] = stripVTControlCharacters(shown).split('\n');
  expect(sweep).toContain('1 of 2 guests reachable');
  expect(told.trim()).toBe(SENTENCE);
  expect(more).toEqual([]);
  expect(readable(JSON.stringify({ timestamp: SINCE, message: 'guest_changed' }))).toBeUndefined();
});

test('each fleet has a file of its own, whatever the login, and its name has nothing of the login', () => {
  const of = (url: string, exchange = 'trove') =>
    localStateUrl({ BROKER_URL: url, CONTROL_EXCHANGE: exchange });
  expect(of('amqp://a:secret@one/v')).toBe(of('amqp://b:other@one/v'));
  const urls = [of('amqp://one/v'), of('amqp://one/w'), of('amqp://two/v'), of('amqp://one/v', 'openstack')];
  expect(new Set(urls).size).toBe(urls.length);
  for (const url of urls) expect(url).toMatch(/^file:\/\/\/.*\/guest-rpc-ping\/fleet-[0-9a-f]{16}\.json$/);
});
