import { ProcessorShare } from '../../aws-runtime/processor-share.ts';
import { bars, type Chart } from '../chart.ts';
import { type ColdFunction, type ColdStart, coldStart } from '../cold-start.ts';
import { loadTable, loadTimes, wholeLoad } from '../load-times.ts';
import { interleaved, median, ratio, type Spread, significant } from '../measurement.ts';
import { type Goal, goal, type Section, table, written } from '../report.ts';
import { SecretsManager } from '../secrets-manager.ts';
import type { HandlerName, Stage } from '../stage.ts';

const REPEATS = 9;

const MEMORY_MB = [128, 256, 512, 1024, 1769] as const;
type MemoryMb = (typeof MEMORY_MB)[number];

const OURS = 'ours';
const OTHER = 'the other build';
const BARE = 'bare amqplib that waits in init';
const USUAL = 'the usual way';
const USUAL_IN_INIT = 'the usual way that waits in init';

const HANDLERS = {
  [OURS]: 'ours',
  [OTHER]: 'other',
  [BARE]: 'bare-amqplib-in-init',
  [USUAL]: 'usual-way',
  [USUAL_IN_INIT]: 'usual-way-in-init',
} as const satisfies Record<string, HandlerName>;

type Name = keyof typeof HANDLERS;
const ALL_NAMES: readonly Name[] = [OURS, OTHER, BARE, USUAL, USUAL_IN_INIT];

/** Measures cold starts as Lambda gives them: a whole processor in init, and a share of one afterwards. */
export async function cold(stage: Stage): Promise<Section> {
  const aws = await SecretsManager.start();
  stage.onLeaving(() => aws.end());
  const share = ProcessorShare.make('bench');
  if (share !== undefined) stage.onLeaving(() => share.remove());
  const starts = await race(stage, aws, share);
  const loads = await loadTimes(stage);
  const load = goal('Bundle load: at most 1.2 × that of a bundle of amqplib and Middy', wholeLoad(loads), {
    atMost: 1.2,
  });
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
        : 'A fresh process has one whole processor in init, and from the moment of the first invocation on the share of one that Lambda gives to its memory: memory / 1,769 MB, in periods of 20 ms (a cpu cgroup). Broker, guest, Runtime API and the stand-in for Secrets Manager are outside.',
      "AWS's own runtime interface client runs each function. The broker is reached over TLS (1.2), as Amazon MQ is, and the credentials are read from the stand-in for Secrets Manager.",
      starts.table(),
      `Medians of ${REPEATS} processes each, taken in turns. *Init* is the time from the start of the process until the runtime asks for an invocation; *first* is the invocation that is then handed out at once; *warm* is the median of the pings after it, each after a pause in which the process was stopped. All are seen from the Runtime API, so the runtime's own work is part of them.`,
      'What our answers take of what Lambda bills by, at each size; init is billed as well:',
      starts.billTable(),
      "What the bundle consists of, module by module, loaded in fresh processes with a whole machine and no settings, so that nothing connects. The whole function has a part of amqplib's definitions, the other bundles have all of them:",
      loadTable(loads),
    ],
    goals: [...(share === undefined ? [] : starts.goals()), load],
  };
}

async function race(stage: Stage, aws: SecretsManager, share: ProcessorShare | undefined): Promise<Starts> {
  const { protocol, host } = new URL(stage.tlsUrl);
  const settings = {
    ...aws.settings,
    BROKER_ENDPOINT: `${protocol}//${host}`,
    BROKER_SECRET_ID: 'broker',
    NODE_EXTRA_CA_CERTS: stage.caFile,
  };
  const cold = (name: Name): ColdFunction => ({ name, settings, bundlePath: stage.path(HANDLERS[name]) });
  const names = stage.hasOther ? ALL_NAMES : ALL_NAMES.filter((name) => name !== OTHER);
  const contestants = MEMORY_MB.flatMap((memoryMb) =>
    names.map(
      (name) => [key(memoryMb, name), () => coldStart(cold(name), memoryMb, stage.echoId, share)] as const,
    ),
  );
  return new Starts(names, await interleaved(REPEATS, new Map(contestants)));
}

function key(memoryMb: MemoryMb, name: Name): string {
  return `${name} with ${memoryMb} MB`;
}

/** What was measured. */
class Starts {
  readonly #names: readonly Name[];
  readonly #starts: ReadonlyMap<string, readonly ColdStart[]>;

  constructor(names: readonly Name[], starts: ReadonlyMap<string, readonly ColdStart[]>) {
    this.#names = names;
    this.#starts = starts;
  }

  table(): string {
    const rows = MEMORY_MB.flatMap((memoryMb) =>
      this.#names.map((name) => [
        memoryMb.toLocaleString('en'),
        name,
        written(this.#ratio(memoryMb, total, name, OURS)),
        ...[total, init, first, warm].map((part) => significant(median(this.#times(memoryMb, name, part)))),
      ]),
    );
    return table(['MB', '', 'Init and first, × ours', 'ms', 'init', 'first', 'warm'], rows);
  }

  billTable(): string {
    const rows = MEMORY_MB.map((memoryMb) => {
      const gbSeconds = (part: (start: ColdStart) => number) =>
        (median(this.#times(memoryMb, OURS, (start) => Math.ceil(part(start)))) * memoryMb) / 1024 / 1000;
      return [
        memoryMb.toLocaleString('en'),
        significant(median(this.#times(memoryMb, OURS, total))),
        significant(gbSeconds(total) * 1e6),
        significant(median(this.#times(memoryMb, OURS, warm))),
        significant(gbSeconds(warm) * 1e6),
      ];
    });
    const million = 'GB-seconds a million';
    return table(['MB', 'First answer, ms', million, 'Warm ping, ms', million], rows);
  }

  /** @param processors what the processes had */
  chart(processors: string): Chart {
    const groups = MEMORY_MB.map((memoryMb) => ({
      name: `${memoryMb.toLocaleString('en')} MB`,
      bars: this.#names.map((name) => {
        const firstMs = median(this.#times(memoryMb, name, first));
        return { name, parts: [median(this.#times(memoryMb, name, total)) - firstMs, firstMs] };
      }),
    }));
    const title = `First answer of a cold environment, in ${processors}`;
    const axis = 'milliseconds from the start of the process, TLS and secret included';
    return {
      name: 'cold',
      alt: 'Bars: the first answer of a cold environment, init and first invocation, by memory and by contestant',
      svg: bars({ title, axis, parts: ['init', 'first invocation'], groups }),
    };
  }

  goals(): Goal[] {
    const ofFirst = (name: Name): Spread =>
      ratio(this.#times(256, name, first), this.#times(256, name, warm));
    return [
      goal(
        'Cold, 256 MB: the first answer in at most 0.4 of the time of the usual way',
        this.#ratio(256, total, OURS, USUAL),
        { atMost: 0.4 },
        this.#ratio(256, total, BARE, USUAL),
      ),
      goal(
        'Cold, 128 MB: the first answer in at most 0.3 of the time of the usual way',
        this.#ratio(128, total, OURS, USUAL),
        { atMost: 0.3 },
        this.#ratio(128, total, BARE, USUAL),
      ),
      goal(
        'Cold, 256 MB: the first answer in at most 1.2 × the time of bare amqplib that waits in init',
        this.#ratio(256, total, OURS, BARE),
        { atMost: 1.2 },
      ),
      goal(
        'Cold, 256 MB: the first invocation takes at most 3 × a warm ping',
        ofFirst(OURS),
        { atMost: 3 },
        ofFirst(BARE),
      ),
    ];
  }

  #times(memoryMb: MemoryMb, name: Name, part: (start: ColdStart) => number): number[] {
    return (this.#starts.get(key(memoryMb, name)) ?? []).map(part);
  }

  #ratio(memoryMb: MemoryMb, part: (start: ColdStart) => number, numerator: Name, denominator: Name): Spread {
    return ratio(this.#times(memoryMb, numerator, part), this.#times(memoryMb, denominator, part));
  }
}

const total = ({ initMs, firstMs }: ColdStart) => initMs + firstMs;
const init = ({ initMs }: ColdStart) => initMs;
const first = ({ firstMs }: ColdStart) => firstMs;
const warm = ({ warmMs }: ColdStart) => warmMs;
