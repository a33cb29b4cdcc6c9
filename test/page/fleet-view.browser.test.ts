import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { type GuestState, parseFleetState } from '../../functions/changes/fleet-state.ts';
import { REASONS, type Reason } from '../../functions/guest/reason.ts';
import type { HistoryLine } from '../../functions/history/history-line.ts';
import { fleetView, type PageState, type ViewOptions } from '../../functions/page/fleet-view.ts';
import { type GuestHistory, guestView } from '../../functions/page/guest-view.ts';
import { type Html, html } from '../../functions/page/html.ts';
import { BY_PATH, byAction } from '../../functions/page/widget-event.ts';
import { pageDocument } from '../../infra/local/parts/browser-page.ts';
import { launchChromium } from '../setup/chromium.ts';
import { DESCRIBED, described, instance, MIXED, minutesAgo, NOW_MS, stateOf, unreachable } from './states.ts';

const inBrowser = process.env['TEST_WITHOUT_CHROMIUM'] ? describe.skip : describe;

/** What an operator's browser may be made to do by text that is taken for markup. */
const HOSTILE = `"'></p></h1></svg><script>document.title='run'</script><img src=x onerror="document.title='run'">{{}}`;

const REASON_NAMES = Object.keys(REASONS) as Reason[];

let browser: Browser;
let page: Page;

/** The document of `npm start`, which does not load itself anew in the middle of a test. */
function documentOf(widget: Html): string {
  return pageDocument(String(widget)).replace(/<meta http-equiv="refresh"[^>]*>/, '');
}

async function open(
  state: PageState,
  {
    theme = 'system',
    ...more
  }: Partial<ViewOptions> & { colorScheme?: 'light' | 'dark'; width?: number } = {},
): Promise<void> {
  const { colorScheme = 'light', width = 1100, nowMs = NOW_MS, rateMs = 300_000 } = more;
  await show(fleetView(state, { nowMs, rateMs, theme }), width, colorScheme);
}

/** Shows a widget in the one page that there is: another one would take the browser a second. */
async function show(widget: Html, width = 1100, colorScheme: 'light' | 'dark' = 'light'): Promise<void> {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme });
  await page.setContent(documentOf(widget));
}

/** As the state comes from where it is kept. */
function read(state: object): PageState {
  return parseFleetState(JSON.stringify(state));
}

function many(count: number, guest: (index: number) => GuestState): Record<string, GuestState> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [instance(index + 1), guest(index)]));
}

const PHONE = { width: 390, height: 844 };

/** What a phone shows without scrolling, in either direction. */
async function expectOnScreen(...selectors: string[]): Promise<void> {
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
  for (const selector of selectors) {
    const {
      x = -1,
      y = -1,
      width = 0,
      height = 0,
    } = (await page.locator(selector).last().boundingBox()) ?? {};
    expect([selector, x >= 0 && x + width <= PHONE.width, y >= 0 && y + height <= PHONE.height]).toEqual([
      selector,
      true,
      true,
    ]);
  }
}

async function heading(): Promise<string | null> {
  return page.locator('h1').textContent();
}

/** What a function of `in-browser.mjs` answers. */
function ask(question: string): Promise<unknown> {
  return page.evaluate(question);
}

async function spots(): Promise<unknown> {
  const png = await page.locator('svg.squares').screenshot();
  return ask(`spots('${png.toString('base64')}')`);
}

inBrowser('the page of the fleet', () => {
  beforeAll(async () => {
    browser = await launchChromium();
    page = await browser.newPage();
    await page.addScriptTag({ path: join(import.meta.dirname, 'in-browser.mjs') }); // stays with the window
  });
  afterAll(() => browser.close());

  describe('text from elsewhere', () => {
    test('any text is read as what it was, in an element and in an attribute', async () => {
      await open(undefined);
      const unchanged = fc.string({ unit: 'binary' }).filter((text) => !/[\0\r\ud800-\udfff]/.test(text)); // HTML changes these
      const texts = [HOSTILE, ...fc.sample(unchanged, 300), ...fc.sample(fc.string(), 300)];
      await page.setContent(
        String(html`<main hidden>${texts.map((text) => html`<p title="${text}">${text}</p>`)}</main>`),
      );
      expect(await ask('texts()')).toEqual(texts.map((text) => [text, text]));
    });

    const broken = (message: string) =>
      read(stateOf({}, 3, { broker_reachable: false, error: { code: message, message } }));

    test('markup in an error is shown as text, and makes no element', async () => {
      await open(broken('plain'));
      const plain = await ask('elements()');
      await open(broken(HOSTILE));
      expect(await ask('elements()')).toEqual(plain);
      expect(await page.title()).not.toBe('run');
      expect(await page.locator('.trouble').textContent()).toContain(HOSTILE);
    });

    test('markup in what kept the state from being read is shown as text', async () => {
      await open({ problem: HOSTILE });
      expect(await page.locator('.trouble').textContent()).toContain(HOSTILE);
      expect(await page.locator('script, img').count()).toBe(0);
    });
  });

  describe('what a CloudWatch custom widget may have', () => {
    const worst = {
      ...many(10_000, (index) =>
        unreachable(REASON_NAMES[index % REASON_NAMES.length] ?? 'no_reply', 50_000, {
          reported: 'flapping',
          waiting_messages: 123_456_789,
        }),
      ),
      ...Object.fromEntries(
        Object.entries(
          many(12_000, () => unreachable('no_reply', 50_000, { reported: 'flapping', sweeps: 0 })),
        ).slice(10_000),
      ),
    };

    test('the page has elements of plain HTML and SVG alone, no handlers, and loads nothing', async () => {
      const wanted: string[] = [];
      page.on('request', (request) => wanted.push(request.url()));
      await open(MIXED, { theme: 'light' });
      const names = [
        'b',
        'code',
        'div',
        'h1',
        'li',
        'main',
        'p',
        'path',
        'small',
        'span',
        'style',
        'svg',
        'table',
        'tbody',
        'td',
        'th',
        'thead',
        'time',
        'title',
        'tr',
        'ul',
      ];
      expect(Object.keys(Object(await ask('elements()'))).sort()).toEqual(names);
      const attributes = await ask('attributes()');
      for (const name of ['id', 'href', 'src', 'onclick']) expect(attributes).not.toContain(name);
      expect(attributes).toContain('class');
      expect(wanted).toEqual([]);
    });

    test('twelve thousand guests in trouble make less than a quarter of a megabyte', () => {
      const widget = fleetView(stateOf(worst, 0), { nowMs: NOW_MS, rateMs: 300_000, theme: 'dark' });
      expect(String(widget).length).toBeLessThan(256 * 1024);
    });

    test('whatever a damaged state says, the page stays small', () => {
      const huge = 'x'.repeat(3000);
      const most = Number.MAX_SAFE_INTEGER;
      const guests = many(2000, () =>
        unreachable('no_reply', 1, { ...described(huge, huge, huge), consumers: most }),
      );
      const state = {
        ...stateOf(guests, 0, {
          checked: most,
          reachable: most,
          error: { code: huge, message: huge },
          common_cause: {
            attribute: 'hypervisor',
            value: huge,
            guests: most,
            unreachable: most,
            since: minutesAgo(1),
          },
        }),
        control_plane: Array.from({ length: 5000 }, () => ({ topic: huge, reachable: false, reason: huge })),
      } as const;
      const widget = fleetView(parseFleetState(JSON.stringify(state)), {
        nowMs: NOW_MS,
        rateMs: 300_000,
        theme: 'light',
      });
      expect(String(widget).length).toBeLessThan(256 * 1024);
    });

    test("CloudWatch's dark theme overrides the browser's", async () => {
      await open(MIXED, { theme: 'dark', colorScheme: 'light' });
      expect(await ask('leastContrast("rgb(15, 27, 42)")')).toBeGreaterThan(4.5);
    });
  });

  describe('the answer', () => {
    test('a state that is not there yet is said to be so', async () => {
      await open(undefined);
      expect(await heading()).toBe('No sweep has been saved yet');
      expect(await page.locator('table, svg').count()).toBe(0);
    });

    test('a sweep that is missing for more than twice the rate comes before all else', async () => {
      const state = stateOf({ [instance(1)]: unreachable('no_reply', 90) }, 2, {
        at: minutesAgo(11),
        broker_reachable: false,
      });
      await open(state);
      expect(await heading()).toBe('No sweep for 11 min: this page is out of date');
      await open(state, { rateMs: 600_000 });
      expect(await heading()).toContain('Guests cannot be pinged');
    });

    test('a broker that fails is named with what to do, and the guests keep their state of before', async () => {
      const error = { code: 'broker_blocked', message: 'The broker has a memory alarm' };
      const sweep = { broker_reachable: false, error, checked: 0, reachable: 0, unknown: 5 };
      await open(read(stateOf({ [instance(1)]: unreachable('no_reply', 90) }, 0, sweep)));
      expect(await heading()).toBe('Guests cannot be pinged: broker_blocked');
      expect(await page.locator('.trouble').textContent()).toContain(
        `${error.message}. First: ${REASONS.broker_blocked.todo}`,
      );
      expect(await page.locator('svg.squares').getAttribute('aria-label')).toContain(
        '4 without a verdict, 0 reachable',
      );
      expect(await ask('table()')).toEqual([['no_reply', instance(1), '12:35', '1 h 30 min', '–']]);
    });

    test.each([
      [true, undefined, 'reachable'],
      [false, 'broker_blocked', 'blocked'],
      [false, 'broker_unreachable', 'not reachable'],
    ])('broker_reachable %s with the error %s is the broker "%s"', async (isReachable, code, shown) => {
      const error = code && { error: { code, message: 'why' } };
      await open(stateOf({}, 3, { broker_reachable: isReachable, ...error }));
      expect(await page.locator('.facts b').textContent()).toBe(shown);
    });

    test('guests without a verdict are no reachable guests', async () => {
      const error = { code: 'out_of_time', message: 'The time was over' };
      await open(stateOf({}, 7, { unknown: 2, error }));
      expect(await heading()).toBe('2 of 9 guests are without a verdict');
      expect(await page.locator('.trouble').textContent()).toContain('out_of_time');
    });

    test('silent guests that are counted apart are not called reachable', async () => {
      await open(stateOf({ [instance(1)]: unreachable('no_reply', 90, { counted_apart: 'muted' }) }, 9));
      expect(await heading()).toBe('1 of 10 guests is silent, and counted apart');
    });

    test('a fleet in which all is well is one green sentence', async () => {
      await open(stateOf({}, 1183));
      expect(await heading()).toBe('All 1,183 guests are reachable');
      expect(await page.locator('table').count()).toBe(0);
    });
  });

  test('the guests shown are the guests kept: by reason, worst first, each with since when and what waits', async () => {
    await open(read(MIXED));
    expect(await heading()).toBe('5 of 143 guests are unreachable');
    expect(await ask('table()')).toEqual([
      ['queue_down', instance(10), '2026-03-13 13:05', '1 d 1 h', '–'],
      [
        'no_consumer',
        `${instance(4)} new: one sweep so far`,
        '14:04',
        '1 min',
        '1',
        instance(11),
        '12:53',
        '1 h 12 min',
        '14',
      ],
      ['no_reply', instance(5), '10:55', '3 h 10 min', '0'],
      ['guest_error', `${instance(7)} flapping since 13:01 UTC`, '13:27', '38 min', '–'],
      ['reachable again', `${instance(2)} flapping since 13:34 UTC was key_mismatch`, '13:56', '9 min', '–'],
    ]);
    for (const reason of ['queue_down', 'no_consumer', 'no_reply', 'guest_error'] as const)
      expect(await page.locator('tbody', { hasText: reason }).first().textContent()).toContain(
        `${REASONS[reason].means} First: ${REASONS[reason].todo}`,
      );
  });

  test('guests have their name, project and hypervisor, and their common cause comes first', async () => {
    await open(read(DESCRIBED));
    expect(await heading()).toBe('5 of 140 guests are unreachable');
    expect(await page.locator('.facts').nth(1).textContent()).toBe(
      'Control plane · taskmanager reachable · trove-conductor not reachable since 14:01 UTC (no_consumer)',
    );
    expect(await page.locator('.trouble').allTextContents()).toEqual([
      '4 of 5 unreachable guests are on compute-7, since 13:53 UTC.',
    ]);
    const guest = (name: string, host: string, number: number, remark: string) =>
      `${name} project 5f2b0c1e9a3d4e7f8a6b1c2d3e4f5a6b · ${host}${instance(number)} ${remark}`;
    const orders = [1, 2, 3, 4].flatMap((number) => [
      guest(`orders-${number}`, 'compute-7', number, 'Trove: ACTIVE'),
      '13:53',
      '12 min',
      '–',
    ]);
    expect(await ask('table()')).toEqual([
      ['no_consumer', guest('wiki', 'compute-2', 5, 'Trove: HEALTHY'), '13:15', '50 min', '–'],
      ['no_reply', ...orders],
      [
        'Trove says otherwise',
        `crm compute-5${instance(12)} Trove: ERROR`,
        '14:01',
        '4 min',
        '–',
        `${instance(13)} not in Trove`,
        '12:35',
        '1 h 30 min',
        '–',
      ],
      ['muted', guest('stage', 'compute-6', 14, 'no_reply Trove: ACTIVE'), '12:55', '1 h 10 min', '–'],
      ['silence expected', guest('shop', 'compute-1', 6, 'no_consumer Trove: REBOOT'), '14:02', '3 min', '–'],
      ['new', guest('blog', 'compute-3', 7, 'queue_missing Trove: BUILD'), '13:56', '9 min', '–'],
      [
        'abandoned',
        guest('old', 'compute-4', 8, 'no_consumer Trove: ERROR'),
        '2026-02-28 16:45',
        '13 d 21 h',
        '–',
      ],
      ['orphaned queues', `${instance(9)} no_consumer`, '04:05', '10 h', '–'],
    ]);
    expect(await page.locator('svg.squares').getAttribute('aria-label')).toContain('4 silent, counted apart');
    expect(await spots()).toMatchObject({ '179,38,30': 5, '84,91,100': 4 });
  });

  test('mutes that have not ended are shown with their end, author and note, muted guests apart, and the last reminder', async () => {
    const guests = { [instance(1)]: unreachable('no_reply', 90, { counted_apart: 'muted', muted: true }) };
    const mute = { target: 'compute-7', from: minutesAgo(60), note: HOSTILE, author: 'ann' };
    const mutes = [
      { ...mute, until: minutesAgo(-60) },
      { ...mute, until: minutesAgo(1) },
    ];
    await open(read({ ...stateOf(guests, 3), mutes, reminded_at: minutesAgo(300) }));
    expect(await page.locator('.facts').allTextContents()).toEqual([
      expect.stringContaining('Last sweep'),
      `Muted: compute-7 until 15:05 UTC, by ann: ${HOSTILE}`,
      'Last reminder 09:05 UTC',
    ]);
    expect(await ask('table()')).toEqual([['muted', `${instance(1)} no_reply`, '12:35', '1 h 30 min', '–']]);
  });

  describe('the page of one guest', () => {
    const day = (back: number) => minutesAgo(back * 1440);
    const change = (back: number, what: string, since: number) => ({
      at: day(back),
      instance_id: instance(1),
      change: what,
      reason: 'no_reply',
      since: day(since),
    });
    const lines = [
      change(20, 'unreachable', 20.001),
      change(19.5, 'reachable', 20.001),
      {
        at: day(1),
        day: day(2).slice(0, 10),
        round_trips: { [instance(1)]: [2.4, 9.5], [instance(2)]: [1, 1] },
      },
      { ...change(5, 'unreachable', 5.001), muted: true as const },
      change(4.8, 'reachable', 5.001),
    ] satisfies HistoryLine[];

    async function openGuest(history: Partial<GuestHistory>, width = 1100): Promise<void> {
      const guest = { id: instance(1), state: stateOf({}, 3), lines, ...history };
      const options = { nowMs: NOW_MS, rateMs: 300_000, theme: 'light' } as const;
      await show(guestView(guest, options), width);
    }

    test('incidents come first, each day has a colour, and a day its round trips', async () => {
      const described1 = described('orders', 'compute-7');
      const state = stateOf({ [instance(1)]: unreachable('no_consumer', 30, described1) }, 3);
      const unfiled = [
        { ...change(0.02, 'unreachable', 0.0208333), reason: 'no_consumer' },
        { ...change(0.02, 'unreachable', 0.02), instance_id: instance(2) },
      ];
      await openGuest({ state: parseFleetState(JSON.stringify({ ...state, unfiled })) });
      expect(await heading()).toBe('orders is unreachable since 13:35 UTC: no_consumer');
      expect(await page.locator('.trouble').textContent()).toBe(
        '3 incidents in 30 days, 17 h 20 min in all (2.41 % of the time)',
      );
      expect(await page.locator('table').first().locator('td:nth-child(4)').allTextContents()).toEqual([
        'no_consumer ',
        'no_reply muted',
        'no_reply ',
      ]);
      expect(await page.locator('svg path').count()).toBe(30);
      expect(await page.locator('svg path:not(.reachable) title').allTextContents()).toHaveLength(4);
      expect(await page.locator('table').last().locator('td').allTextContents()).toEqual([
        day(2).slice(0, 10),
        '2.4 ms',
        '9.5 ms',
      ]);
    });

    test('a guest without incidents, one that nobody knows, and a history that cannot be read', async () => {
      const answered = { [instance(1)]: { round_trip_ms: 1, name: HOSTILE } };
      await openGuest({ state: { ...stateOf({}, 3), answered }, lines: [] });
      expect(await heading()).toBe(`${HOSTILE} is reachable`);
      expect(await page.locator('.trouble').textContent()).toBe('No incident was recorded in 30 days.');
      await openGuest({ lines: { problem: 'denied' } });
      expect(await heading()).toBe(`${instance(1)} is not known to the last sweep`);
      expect(await page.locator('.trouble').textContent()).toBe('denied.');
    });

    test('a guest that a state of before names has known, and one whose silence is counted apart', async () => {
      await openGuest({ state: { ...stateOf({}, 3), answered: { [instance(1)]: {} } }, lines: [] });
      expect(await heading()).toBe(`${instance(1)} is reachable`);
      const state = stateOf({ [instance(1)]: unreachable('no_reply', 9, { counted_apart: 'new' }) }, 3);
      await openGuest({ state, lines: [] });
      expect(await heading()).toBe(`${instance(1)} is unreachable since 13:56 UTC: no_reply (new)`);
      expect(await page.locator('.facts').last().textContent()).toContain(REASONS.no_reply.todo);
    });

    test('an incident that began before the lines goes on', async () => {
      const state = stateOf({ [instance(1)]: unreachable('no_reply', 40 * 1440) }, 3);
      await openGuest({ state, lines: [] });
      expect(await page.locator('.trouble').textContent()).toBe(
        '1 incident in 30 days, 30 d in all (100.00 % of the time)',
      );
      expect(await page.locator('svg path.unreachable').count()).toBe(30);
    });

    test.each([
      ['of long ago', { at: minutesAgo(60) }, 'No sweep for 1 h: this page is out of date.'],
      [
        'that the broker ended',
        { broker_reachable: false, error: { code: 'broker_blocked', message: 'x' } },
        'Guests cannot be pinged: broker_blocked.',
      ],
    ])('a sweep %s says nothing about now', async (_what, sweep, trouble) => {
      await openGuest({ state: { ...stateOf({}, 3, sweep), answered: { [instance(1)]: {} } } });
      expect(await heading()).toBe(`${instance(1)} then is reachable`);
      expect(await page.locator('.trouble').first().textContent()).toBe(trouble);
      expect(await page.locator('h1.good').count()).toBe(0);
    });

    test('on a phone, its state, each day and its last incidents are on one screen', async () => {
      const state = stateOf(
        { [instance(1)]: unreachable('no_reply', 30, described('orders', 'compute-7')) },
        3,
      );
      await openGuest({ state }, PHONE.width);
      await expectOnScreen('h1', 'svg.squares', 'table.history tr:nth-child(3)');
    });
  });

  test("a guest of the table leads to its page, by a path, or by CloudWatch's own link", async () => {
    const state = stateOf({ [instance(1)]: unreachable('no_reply', 5) }, 3);
    const options = { nowMs: NOW_MS, rateMs: 300_000, theme: 'light' } as const;
    await open(undefined);
    await page.setContent(documentOf(fleetView(state, { ...options, linkTo: BY_PATH })));
    expect(await page.locator('td a').getAttribute('href')).toBe(`/fleet/${instance(1)}`);
    await page.setContent(documentOf(fleetView(state, { ...options, linkTo: byAction('arn:page') })));
    const action = page.locator('td a + cwdb-action[action=call][display=popup][endpoint="arn:page"]');
    expect(JSON.parse((await action.textContent()) ?? '')).toEqual({ instance_id: instance(1) });
  });

  test('a control plane that is down is the headline where all guests answer', async () => {
    const { control_plane: topics = [] } = DESCRIBED;
    await open(read({ ...stateOf({}, 3), control_plane: topics }));
    expect(await heading()).toBe("Trove's trove-conductor is unreachable");
  });

  test('guests that answered in the clear or have a second agent are counted', async () => {
    await open(read(stateOf({}, 9, { guests_unencrypted: 3, guests_with_several_consumers: 2 })));
    expect(await page.locator('.facts').last().textContent()).toBe(
      'Answered · 3 in the clear, though the key is known · 2 with more than one agent on the queue',
    );
  });

  test('more than one agent on a queue, a fleet that shrank and clocks that differ are shown', async () => {
    const guests = { [instance(1)]: unreachable('no_reply', 5, { consumers: 2 }) };
    const shrunk = { since: minutesAgo(10), from: 1200 };
    await open(read({ ...stateOf(guests, 3, { at: minutesAgo(-30) }), shrunk }));
    expect(await ask('table()')).toEqual([['no_reply', `${instance(1)} 2 consumers`, '14:00', '5 min', '–']]);
    expect(await page.locator('.trouble').textContent()).toBe(
      'fleet_shrank · 1,200 guests answered before 13:55 UTC.',
    );
    expect(await page.locator('.facts').textContent()).toContain('30 min in the future: the clocks differ');
  });

  test('a guest that came back without having been told of is not shown', async () => {
    await open(stateOf({ [instance(1)]: unreachable('no_reply', 3, { sweeps: 0, reported: 'nothing' }) }, 4));
    expect(await heading()).toBe('All 5 guests are reachable');
  });

  test('ten thousand guests are ten thousand squares on the screen, each in the colour of its state', async () => {
    const down = many(700, (index) => unreachable(index % 2 ? 'no_reply' : 'no_consumer', index));
    const recovering = { [instance(9999)]: unreachable('no_reply', 5, { sweeps: 0 }) };
    await open(stateOf({ ...down, ...recovering }, 9239, { unknown: 60 }));
    expect(await spots()).toEqual({ '179,38,30': 700, '138,83,0': 1, '84,91,100': 60, '26,122,52': 9239 });
    expect(await page.locator('svg.squares').getAttribute('aria-label')).toBe(
      '700 unreachable, 1 reachable again, not yet stable, 60 without a verdict, 9239 reachable',
    );
    expect(await page.locator('svg.squares title').first().textContent()).toBe(`${instance(1)}: no_consumer`);
  });

  test.each([1, 3, 61, 499, 500, 1999, 2000, 19_999, 20_000])(
    '%s guests have a square each',
    async (count) => {
      await open(stateOf({ [instance(1)]: unreachable('no_reply', 5) }, count - 1));
      expect(await spots()).toEqual({ '179,38,30': 1, ...(count > 1 && { '26,122,52': count - 1 }) });
    },
  );

  const kinds: readonly [string, PageState][] = [
    ['guests of each kind', MIXED],
    ['names and other kinds of silence', DESCRIBED],
    ['a stale state', stateOf({}, 3, { at: minutesAgo(60) })],
    [
      'a broker that fails',
      stateOf({}, 3, {
        broker_reachable: false,
        error: { code: 'broker_refused', message: 'x'.repeat(300) },
      }),
    ],
    ['no state', undefined],
    [
      'an unreadable state',
      { problem: 's3://a-bucket-with-a-long-name/fleet.json cannot be read: AccessDenied' },
    ],
  ];

  test.each(kinds)('the page with %s can be read in light and in dark', async (_what, state) => {
    await open(state);
    expect(await ask('leastContrast("rgb(255, 255, 255)")')).toBeGreaterThan(4.5);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ask('leastContrast("rgb(18, 18, 18)")')).toBeGreaterThan(4.5); // Chromium's canvas
    expect(await ask('leastContrast("rgb(15, 27, 42)")')).toBeGreaterThan(4.5); // CloudWatch's
  });

  const many100 = Array.from({ length: 100 }, (_, n) => ({
    target: `compute-${n}`,
    from: minutesAgo(9),
    until: minutesAgo(-9),
    note: 'x'.repeat(200),
  }));

  test.each<[what: string, state: PageState, silent: number]>([
    ['the guests of the demo', MIXED, 2],
    ['names, and guests that are muted, expected and abandoned', DESCRIBED, 5],
    ['a hundred mutes with long notes', { ...DESCRIBED, mutes: many100 }, 1],
  ])(
    'with %s, a phone shows the headline, the counts and the first guests at once',
    async (_what, state, silent) => {
      await open(state, { width: PHONE.width });
      await expectOnScreen('h1', '.facts >> nth=0', '.legend', 'svg.squares');
      const rows = page.locator('tbody tr:has(td)');
      for (let row = 0; row < silent; row++) await expectOnScreen(`tbody tr:has(td) >> nth=${row}`);
      expect(await rows.first().isVisible()).toBe(true);
    },
  );

  test.each(kinds)('the page with %s fits on a phone without scrolling sideways', async (_what, state) => {
    await open(state, { width: 360 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });
});
