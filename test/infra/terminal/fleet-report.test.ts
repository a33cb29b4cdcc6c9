import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { ReportedSummary } from '../../../functions/changes/report.ts';
import { fleetStateUrl } from '../../../infra/local/parts/fleet-state-url.ts';
import { fleetReport } from '../../../infra/terminal/fleet-report.ts';
import { logFormatter } from '../../../infra/terminal/log-line.ts';

const GUEST = '00000000-0000-4000-8000-000000000004';
const SINCE = '2026-11-24T14:05:11.000Z';
const SENTENCE = `1 guest became unreachable: ${GUEST} (no_consumer, since 14:05 UTC).`;

const SUMMARY: ReportedSummary = {
  checked: 2,
  reachable: 1,
  unreachable: 1,
  unreachable_by_reason: { no_consumer: 1 },
  unknown: 0,
  new: 0,
  abandoned: 0,
  expected_silent: 0,
  muted: 0,
  guests_unencrypted: 0,
  guests_with_several_consumers: 0,
  orphaned_queues: [],
  broker_reachable: true,
  round_trip_ms: null,
  duration_ms: 1234,
  guests_from: 'bindings',
  unreachable_guests: [{ instance_id: GUEST, reason: 'no_consumer', consumers: 0, waiting_messages: 1 }],
  unreachable_guests_omitted: 0,
  malformed_ids: [],
  duplicate_ids: [],
};

const report = (summary: ReportedSummary) => stripVTControlCharacters(fleetReport(summary));

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
    expect(text).toMatch(/│ since \(UTC\) {9}│/);
    expect(text).toContain('│ 2026-11-24 14:05:11 │');
    expect(text).toContain(SENTENCE);
    expect(text).toContain('state_not_kept: The disk is full.');
  });

  test('a traceback is below the table and its reason, and above the totals', () => {
    const summary = { ...SUMMARY, unreachable_by_reason: { guest_error: 1 } };
    const text = stripVTControlCharacters(fleetReport(summary, ['Traceback: boom']));
    expect(text).toMatch(/│\n└[\s\S]*\nguest_error: .*\nTraceback: boom\n1 of 2 guests reachable/);
  });
});

test('the report names the queues of deleted instances', () => {
  expect(report({ ...SUMMARY, orphaned_queues: [GUEST] })).toContain(
    `Queues left of deleted instances: ${GUEST}`,
  );
});

test('the totals count replies in the clear, and guests with several agents', () => {
  const text = report({ ...SUMMARY, guests_unencrypted: 3, guests_with_several_consumers: 2 });
  expect(text).toContain('3 answered in the clear, though their key is known, 2 with several agents');
});

test.each([
  [1, '1 orphaned queue '],
  [150, '150 orphaned queues '],
])(
  'the queues of %d deleted instances are no guests, whose ids the summary need not have',
  (queues, text) => {
    const totals = report({ ...SUMMARY, checked: 3 + queues, muted: 1 });
    expect(totals).toContain(`1 of 3 guests reachable, 1 no_consumer, 1 muted, ${text}`);
  },
);

test('guests have their name, project and hypervisor where Trove knows them', () => {
  const guest = { instance_id: GUEST, reason: 'no_consumer' } as const;
  const known = { ...guest, name: 'orders', project_id: 'p1', hypervisor: 'compute-7\u001b[1A' };
  const text = report({ ...SUMMARY, unreachable_guests: [known, { ...guest, consumers: null }] });
  expect(text).toMatch(/│ instance +│ name +│ project │ hypervisor +│ reason +│ consumers │/);
  expect(text).toContain(`│ ${GUEST} │ orders │ p1      │ compute-7\\u001b[1A │ no_consumer │           │`);
  expect(text).toMatch(new RegExp(`│ ${GUEST} │ {8}│ {9}│ +│ no_consumer │ not known │`));
});

test.each([
  [
    { guests_from: 'queues' },
    'The bindings could not be listed: these are the guests that have a queue. why',
  ],
  [{ guests_from: 'last_list', list_age_ms: 90_000 }, 'The guests are those of the list of 1 min ago. why'],
  [{ guests_from: 'bindings', list_age_ms: 90_000 }, "Trove's list is that of 1 min ago. why"],
  [{ guests_from: 'bindings' }, "Trove's list is missing, or not whole. why"],
] as const)('the report of %j says what the list is', (origin, text) => {
  expect(report({ ...SUMMARY, ...origin, list_problem: 'why' })).toContain(text);
});

/** What the terminal shows of these entries of the log, without colours. */
function terminal(...entries: readonly object[]): (string | undefined)[] {
  const format = logFormatter();
  return entries.map((entry) => {
    const text = format(JSON.stringify({ timestamp: SINCE, ...entry }));
    return text && stripVTControlCharacters(text);
  });
}

describe('the terminal', () => {
  test('changes are below the line of the sweep, and not on lines of their own', () => {
    const sweep = { message: 'health_check', outcome: 'unreachable', ...SUMMARY };
    expect(
      terminal({ message: 'guest_changed' }, { ...sweep, changes: [], changes_sentence: SENTENCE }),
    ).toEqual([
      undefined,
      `14:05:11.000 UTC  health_check  1 of 2 guests reachable, 1 no_consumer  in 1.234 s\n    ${SENTENCE}`,
    ]);
  });

  test("a sweep's traceback is shown once", () => {
    const entry = {
      message: 'guest_unreachable',
      outcome: 'unreachable',
      instance_id: GUEST,
      reason: 'guest_error',
      cause: 'No disk',
      traceback: 'Traceback:\nOSError',
    };
    const text = `14:05:11.000 UTC  guest_unreachable  unreachable  ${GUEST}  guest_error  No disk\n    Traceback:\n    OSError`;
    expect(terminal(entry, entry, { ...entry, traceback: undefined })).toEqual([text, undefined, undefined]);
  });

  test('a second agent and a reply in the clear are shown', () => {
    const ping = { message: 'rpc_ping', outcome: 'reachable', instance_id: GUEST, round_trip_ms: 2 };
    expect(terminal({ ...ping, consumers: 2, encrypted: false }, { ...ping, consumers: 1 })).toEqual([
      `14:05:11.000 UTC  rpc_ping  reachable  ${GUEST}  2 ms  2 consumers  not encrypted`,
      `14:05:11.000 UTC  rpc_ping  reachable  ${GUEST}  2 ms`,
    ]);
  });

  test("a call's id and hops are below its line", () => {
    const ping = { message: 'rpc_ping', outcome: 'unreachable', instance_id: GUEST, request_id: 'req-1' };
    const hops = { publish: 0.123, ask: 2, rpc: 252.65 };
    expect(terminal({ ...ping, reason: 'no_consumer', hops, stopped_at: 'rpc' }, ping)).toEqual([
      `14:05:11.000 UTC  rpc_ping  unreachable  ${GUEST}  no_consumer\n    req-1  publish 0.1 ms, ask 2.0 ms, rpc 252.7 ms  stopped at rpc`,
      `14:05:11.000 UTC  rpc_ping  unreachable  ${GUEST}\n    req-1`,
    ]);
  });

  test.each(['\n', '\r', '\u001b[1A', '\u0085', '\u009b2K', '\u2028', '\u202e'])(
    'a guest cannot forge a line with %j',
    (control) => {
      const forged = `x${control}14:05:12.000 UTC  rpc_ping  reachable`;
      const ping = { message: 'rpc_ping', outcome: 'unreachable', instance_id: GUEST };
      const error = { code: 'broker_refused' as const, message: forged };
      const shown = [
        ...terminal(
          { ...ping, cause: forged, traceback: forged },
          { ...ping, instance_id: undefined, path: forged },
          { ...ping, error },
          { message: 'health_check', outcome: 'error', ...SUMMARY, error },
          { message: 'unknown', text: forged },
        ),
        logFormatter()(forged.replace('\n', '')),
        report({
          ...SUMMARY,
          error,
          list_problem: forged,
          malformed_ids: [forged],
          changes_sentence: forged,
        }),
      ];
      for (const text of shown) {
        expect(text).not.toMatch(/^14:05:12/m);
        if (control !== '\n') expect(text).not.toContain(control);
      }
    },
  );
});

test('each fleet has a file of its own, whatever the login, and its name has nothing of the login', () => {
  const of = (url: string, exchange = 'trove') =>
    fleetStateUrl({ BROKER_URL: url, CONTROL_EXCHANGE: exchange });
  expect(of('amqp://a:secret@one/v')).toBe(of('amqp://b:other@one/v'));
  const urls = [of('amqp://one/v'), of('amqp://one/w'), of('amqp://two/v'), of('amqp://one/v', 'openstack')];
  expect(new Set(urls).size).toBe(urls.length);
  for (const url of urls) expect(url).toMatch(/^file:\/\/\/.*\/guest-rpc-ping\/fleet-[0-9a-f]{16}\.json$/);
});
