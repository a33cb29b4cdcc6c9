import { ProcessorShare } from '../../aws-runtime/processor-share.ts';
import { KeystoneStandIn } from '../../setup/keystone-stand-in.ts';
import { bars, type Chart } from '../chart.ts';
import { type ColdFunction, type ColdStart, coldStart } from '../cold-start.ts';
import { initSteps, stepsTable } from '../init-steps.ts';
import { loadGoal, loadTable, loadTimes } from '../load-times.ts';
import { interleaved, median, ratio, type Spread, significant } from '../measurement.ts';
import { Relay } from '../relay.ts';
import { type Goal, goal, type Section, table, written } from '../report.ts';
import { ANSWER_MS, secretsManagerFarAway, secretsManagerNearby } from '../secrets-manager.ts';
import type { HandlerName, Stage } from '../stage.ts';

const REPEATS = 9;

/** How far away broker and Keystone are, in milliseconds each way: in another availability zone. */
const RELAY_MS = 1;

const MEMORY_MB = [128, 256, 512, 1024, 1769] as const;
/** As deployed. */
const MB = 256;

const OURS = 'ours';
const OTHER = 'the other build';
const BARE = 'bare amqplib that waits in init';
const HANDSHAKES = 'the limit: amqplib and Middy, all at once';
const USUAL = 'the usual way';
const USUAL_IN_INIT = 'the usual way that waits in init';
const EMPTY = 'an empty handler';
const WITH_KEYSTONE = 'ours, with Keystone';
const OTHER_WITH_KEYSTONE = 'the other build, with Keystone';

const HANDLERS = {
  [OURS]: 'ours',
  [OTHER]: 'other',
  [BARE]: 'bare-amqplib-in-init',
  [HANDSHAKES]: 'handshakes',
  [USUAL]: 'usual-way',
  [USUAL_IN_INIT]: 'usual-way-in-init',
  [EMPTY]: 'empty',
  [WITH_KEYSTONE]: 'ours',
  [OTHER_WITH_KEYSTONE]: 'other',
} as const satisfies Record<string, HandlerName>;

type Name = keyof typeof HANDLERS;

/** Broker, Secrets Manager and Keystone are on this machine, or as far away as they are on AWS. */
type Place = 'near' | 'far';

/** What is measured: which contestant, where, with how much memory. */
interface Row {
  readonly name: Name;
  readonly place: Place;
  readonly memoryMb: number;
}

function rowsOf({ hasOther }: Pick<Stage, 'hasOther'>): Row[] {
  const isThere = (name: Name) => hasOther || (name !== OTHER && name !== OTHER_WITH_KEYSTONE);
  const everywhere: readonly Name[] = [OURS, OTHER, BARE, USUAL, USUAL_IN_INIT];
  const rows = (place: Place, memoryMb: number, names: readonly Name[]): Row[] =>
    names.filter(isThere).map((name) => ({ name, place, memoryMb }));
  return [
    ...MEMORY_MB.flatMap((memoryMb) =>
      rows('near', memoryMb, memoryMb === MB ? [...everywhere, HANDSHAKES, EMPTY] : everywhere),
    ),
    ...rows('far', MB, [...everywhere, HANDSHAKES, WITH_KEYSTONE, OTHER_WITH_KEYSTONE]),
  ];
}

/** Measures cold starts as Lambda gives them: a whole processor in init, and a share of one afterwards. */
export async function cold(stage: Stage): Promise<Section> {
  const share = ProcessorShare.make('bench');
  if (share !== undefined) stage.onLeaving(() => share.remove());
  const functionOf = await neighbourhood(stage);
  const starts = await race(stage, functionOf, share);
  const near = await initSteps(functionOf(OURS, 'near'), MB, REPEATS, share);
  const far = await initSteps(functionOf(OURS, 'far'), MB, REPEATS, share);
  const loads = await loadTimes(stage);
  return {
    title: 'Cold',
    charts: [
      starts.chart(
        share === undefined ? 'the whole of a machine' : 'the share of a processor that Lambda gives',
      ),
    ],
    body: [
      share === undefined
        ? 'This machine lets nobody make cpu cgroups: **all of it is measured with the whole machine, and not with the share of a processor that Lambda gives.**'
        : 'A fresh process has one whole processor in init, and from the moment of the first invocation on the share of one that Lambda gives to its memory: memory / 1,769 MB, in periods of 20 ms (a cpu cgroup). Broker, guest, Runtime API and the stand-ins are outside.',
      "AWS's own runtime interface client runs each function. The broker is reached over TLS (1.2), as Amazon MQ is, and the credentials are read from the stand-in for Secrets Manager. *Near*, all of it is on this machine:",
      starts.table('near'),
      `*Far*, all of it is as far away as on AWS: Secrets Manager speaks TLS and answers after ${ANSWER_MS} ms, and broker and Keystone are ${RELAY_MS} ms away in each direction:`,
      starts.table('far'),
      `Medians of ${REPEATS} processes each, taken in turns. *Init* is the time from the start of the process until the runtime asks for an invocation; *first* is the invocation that is then handed out at once; *warm* is the median of the pings after it, each after a pause in which the process was stopped. All are seen from the Runtime API, so the runtime's own work is part of them.`,
      `What ours does in init, step by step, near: from when until when, in milliseconds from the start of the process (medians of ${REPEATS}), and which other steps take place meanwhile. *setup* is channels and reply queue:`,
      stepsTable(near),
      'The same, far:',
      stepsTable(far),
      'What our answers take of what Lambda bills by, at each size; init is billed as well:',
      starts.billTable(),
      "What the bundle consists of, module by module, loaded in fresh processes with a whole machine and no settings, so that nothing connects. The whole function has a part of amqplib's definitions, the other bundles have all of them:",
      loadTable(loads),
    ],
    goals: [...(share === undefined ? [] : starts.goals(stage.hasOther)), loadGoal(loads)],
  };
}

type FunctionOf = (name: Name, place: Place) => ColdFunction;

/** Starts what the functions reach, near and far. @returns the functions, with the settings that lead there */
async function neighbourhood(stage: Stage): Promise<FunctionOf> {
  const near = await secretsManagerNearby();
  stage.onLeaving(() => near.close());
  const far = await secretsManagerFarAway(stage.folder);
  stage.onLeaving(() => far.close());
  const keystone = await KeystoneStandIn.start();
  stage.onLeaving(() => keystone[Symbol.asyncDispose]());
  const farKeystone = await relayTo(stage, keystone.url);
  const common = { BROKER_SECRET_ID: 'broker', NODE_EXTRA_CA_CERTS: stage.caFile };
  const settings = {
    near: { ...common, ...near.settings, BROKER_ENDPOINT: endpointOf(stage.tlsUrl) },
    far: {
      ...common,
      ...far.settings,
      BROKER_ENDPOINT: endpointOf(await relayTo(stage, stage.tlsUrl)),
    },
  };
  return (name, place) => {
    const withKeystone = name === WITH_KEYSTONE || name === OTHER_WITH_KEYSTONE;
    return {
      name,
      bundlePath: stage.path(HANDLERS[name]),
      settings: { ...settings[place], ...(withKeystone && { KEYSTONE_URL: farKeystone }) },
    };
  };
}

/** @returns the URL through a relay */
async function relayTo(stage: Stage, text: string): Promise<string> {
  const url = new URL(text);
  const relay = await Relay.to(Number(url.port), RELAY_MS);
  stage.onLeaving(() => relay.close());
  url.port = String(relay.port);
  return url.href;
}

function endpointOf(brokerUrl: string): string {
  const { protocol, host } = new URL(brokerUrl);
  return `${protocol}//${host}`;
}

async function race(
  stage: Stage,
  functionOf: FunctionOf,
  share: ProcessorShare | undefined,
): Promise<Starts> {
  const rows = rowsOf(stage);
  const contestants = rows.map((row) => {
    const cold = functionOf(row.name, row.place);
    return [key(row), () => coldStart(cold, row.memoryMb, stage.echoId, share)] as const;
  });
  return new Starts(rows, await interleaved(REPEATS, new Map(contestants)));
}

function key({ name, place, memoryMb }: Row): string {
  return `${name}, ${place}, with ${memoryMb} MB`;
}

/** What was measured. */
class Starts {
  readonly #rows: readonly Row[];
  readonly #starts: ReadonlyMap<string, readonly ColdStart[]>;

  constructor(rows: readonly Row[], starts: ReadonlyMap<string, readonly ColdStart[]>) {
    this.#rows = rows;
    this.#starts = starts;
  }

  table(place: Place): string {
    const rows = this.#rows
      .filter((row) => row.place === place)
      .map((row) => [
        row.memoryMb.toLocaleString('en'),
        row.name,
        written(this.#ratio(total, row, { ...row, name: OURS })),
        ...[total, init, first, warm].map((part) => significant(median(this.#times(row, part)))),
      ]);
    return table(['MB', '', 'Init and first, × ours', 'ms', 'init', 'first', 'warm'], rows);
  }

  billTable(): string {
    const rows = MEMORY_MB.map((memoryMb) => {
      const row = { name: OURS, place: 'near', memoryMb } as const;
      const gbSeconds = (part: (start: ColdStart) => number) =>
        (median(this.#times(row, (start) => Math.ceil(part(start)))) * memoryMb) / 1024 / 1000;
      return [
        memoryMb.toLocaleString('en'),
        significant(median(this.#times(row, total))),
        significant(gbSeconds(total) * 1e6),
        significant(median(this.#times(row, warm))),
        significant(gbSeconds(warm) * 1e6),
      ];
    });
    const million = 'GB-seconds a million';
    return table(['MB', 'First answer, ms', million, 'Warm ping, ms', million], rows);
  }

  /** @param processors what the processes had */
  chart(processors: string): Chart {
    const group = (name: string, isOf: (row: Row) => boolean) => ({
      name,
      bars: this.#rows.filter(isOf).map((row) => {
        const firstMs = median(this.#times(row, first));
        return { name: row.name, parts: [median(this.#times(row, total)) - firstMs, firstMs] };
      }),
    });
    const groups = [
      group(`${MB} MB, as far away as on AWS`, ({ place }) => place === 'far'),
      ...MEMORY_MB.map((memoryMb) =>
        group(
          `${memoryMb.toLocaleString('en')} MB, on this machine`,
          (row) => row.place === 'near' && row.memoryMb === memoryMb,
        ),
      ),
    ];
    const title = `First answer of a cold environment, in ${processors}`;
    const axis = 'milliseconds from the start of the process, TLS and secret included';
    return {
      name: 'cold',
      alt: 'Bars: the first answer of a cold environment, init and first invocation, by memory and by contestant',
      svg: bars({ title, axis, parts: ['init', 'first invocation'], groups }),
    };
  }

  /** @param hasOther whether there is another build, which some goals compare with */
  goals(hasOther: boolean): Goal[] {
    const near = (name: Name, memoryMb: number = MB): Row => ({ name, place: 'near', memoryMb });
    const far = (name: Name): Row => ({ name, place: 'far', memoryMb: MB });
    const answer = (text: string, row: Row, other: Row, atMost: number, limit?: Row) =>
      goal(
        `Cold, ${row.place}, ${row.memoryMb} MB: the first answer in at most ${atMost} of the time of ${text}`,
        this.#ratio(total, row, other),
        { atMost },
        limit && this.#ratio(total, limit, other),
      );
    const ofFirst = (row: Row): Spread => ratio(this.#times(row, first), this.#times(row, warm));
    return [
      answer(USUAL, far(OURS), far(USUAL), 0.15, far(HANDSHAKES)),
      answer(BARE, far(OURS), far(BARE), 0.75, far(HANDSHAKES)),
      answer(USUAL, near(OURS), near(USUAL), 0.4, near(HANDSHAKES)),
      answer(USUAL, near(OURS, 128), near(USUAL, 128), 0.3, near(BARE, 128)),
      answer(BARE, near(OURS), near(BARE), 1, near(HANDSHAKES)),
      goal(
        `Cold, ${MB} MB: the first invocation takes at most 3 × a warm ping`,
        ofFirst(near(OURS)),
        { atMost: 3 },
        ofFirst(near(BARE)),
      ),
      ...(hasOther
        ? [
            answer(OTHER, far(OURS), far(OTHER), 0.7, far(HANDSHAKES)),
            answer(OTHER, near(OURS), near(OTHER), 0.8, near(HANDSHAKES)),
            goal(
              `Cold, near, ${MB} MB: init beyond an empty handler's in at most 0.7 of the time of the other build`,
              ratio(this.#beyondEmpty(near(OURS)), this.#beyondEmpty(near(OTHER))),
              { atMost: 0.7 },
              ratio(this.#beyondEmpty(near(HANDSHAKES)), this.#beyondEmpty(near(OTHER))),
            ),
          ]
        : []),
    ];
  }

  /** What a contestant's init takes longer than that of an empty handler, repeat by repeat. */
  #beyondEmpty(row: Row): number[] {
    const empty = this.#times({ ...row, name: EMPTY }, init);
    return this.#times(row, init).map((ms, repeat) => ms - (empty[repeat] ?? Number.NaN));
  }

  #times(row: Row, part: (start: ColdStart) => number): number[] {
    return (this.#starts.get(key(row)) ?? []).map(part);
  }

  #ratio(part: (start: ColdStart) => number, numerator: Row, denominator: Row): Spread {
    return ratio(this.#times(numerator, part), this.#times(denominator, part));
  }
}

const total = ({ initMs, firstMs }: ColdStart) => initMs + firstMs;
const init = ({ initMs }: ColdStart) => initMs;
const first = ({ firstMs }: ColdStart) => firstMs;
const warm = ({ warmMs }: ColdStart) => warmMs;
