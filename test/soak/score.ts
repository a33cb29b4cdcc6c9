import type { ReportedSummary } from '../../functions/changes/report.ts';
import { table } from '../bench/report.ts';
import type { BrokerTruth, Guest, GuestTruth, World } from './world.ts';

/** What the product may say of a guest that was in this state all the time. */
const REASONS: Readonly<Record<Exclude<GuestTruth, 'unsure'>, readonly string[]>> = {
  alive: ['reachable'],
  killed: ['no_consumer', 'queue_missing'],
  frozen: ['no_reply', 'no_consumer', 'queue_missing'], // the broker gives a frozen agent up after some minutes
};

const BROKER_REASONS: Readonly<Record<Exclude<BrokerTruth, 'unsure'>, string | undefined>> = {
  up: undefined,
  down: 'broker_unreachable',
  blocked: 'broker_blocked',
};

export const WHAT = [
  'single pings',
  'verdicts of sweeps',
  'guests left out of a sweep',
  'outages told once',
  'returns told once',
  'changes without a cause',
  'exit codes',
] as const;
type What = (typeof WHAT)[number];

interface Score {
  right: number;
  /** The truth changed meanwhile. */
  unsure: number;
  wrong: number;
}

interface Told {
  readonly id: string;
  readonly change: string;
  readonly fromMs: number;
  readonly toMs: number;
}

interface SpanOfTime {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Compares what the product says with the truth. */
export class Scores {
  readonly mistakes: string[] = [];
  readonly #scores = new Map<What, Score>(WHAT.map((what) => [what, { right: 0, unsure: 0, wrong: 0 }]));
  readonly #world: World;
  readonly #startMs = performance.now();
  readonly #told: Told[] = [];
  /** The sweeps that gave every guest a verdict. */
  readonly #complete: SpanOfTime[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  get isFlawless(): boolean {
    return this.mistakes.length === 0;
  }

  /** @param said `reachable`, or a reason */
  ping({ id, truth }: Guest, said: string, fromMs: number, toMs: number): void {
    const verdict = this.#judge(truth, said, fromMs, toMs);
    this.#add('single pings', verdict, () => `ping of ${id}: ${said}, but ${describe(truth, fromMs, toMs)}`);
  }

  sweep(summary: ReportedSummary, fromMs: number, toMs: number): void {
    for (const { instance_id: id, change } of summary.changes ?? [])
      this.#told.push({ id, change, fromMs, toMs });
    const broker = this.#world.broker.throughout(fromMs, toMs);
    if (!summary.broker_reachable) {
      const isRight =
        broker === undefined || broker === 'unsure' || BROKER_REASONS[broker] === summary.error?.code;
      const isOfRestart = broker === 'up' && this.#isExchangeMissing(summary.error?.code, fromMs, toMs);
      this.#add(
        'verdicts of sweeps',
        isRight || isOfRestart,
        () => `sweep: ${summary.error?.code}, but ${broker}`,
      );
      return;
    }
    const { guests } = this.#world;
    const known = summary.checked + summary.unknown;
    this.#add('guests left out of a sweep', known === guests.length, () => `sweep of ${known} guests`);
    const silent = new Map(
      summary.unreachable_guests.map(({ instance_id, reason }) => [instance_id, reason]),
    );
    if (summary.unknown > 0) return;
    this.#complete.push({ fromMs, toMs });
    for (const { id, truth } of guests) {
      const said = silent.get(id) ?? 'reachable';
      const verdict = this.#judge(truth, said, fromMs, toMs);
      this.#add(
        'verdicts of sweeps',
        verdict,
        () => `sweep: ${id} ${said}, but ${describe(truth, fromMs, toMs)}`,
      );
    }
  }

  exitCode(code: number, fromMs: number, toMs: number): void {
    const { broker, guests } = this.#world;
    const state = broker.throughout(fromMs, toMs);
    const states = guests.map(({ truth }) => truth.throughout(fromMs, toMs) ?? 'unsure');
    const isDead = states.some((each) => each === 'killed' || each === 'frozen');
    let expected: number | undefined;
    if (state === 'down' || state === 'blocked') expected = 2;
    else if (state === 'up' && isDead) expected = 1;
    else if (state === 'up' && !states.includes('unsure')) expected = 0;
    const verdict = expected === undefined && code <= 2 ? undefined : code === expected;
    this.#add('exit codes', verdict, () => `exit code ${code}, not ${expected}`);
  }

  /** To be called at the end: each outage that two sweeps have seen is told once, and nothing else. */
  finish(thresholdSweeps: number): void {
    for (const { id, truth } of this.#world.guests) {
      const told = this.#told.filter((each) => each.id === id);
      const outages = outagesOf(truth);
      for (const { sinceMs, fromMs, toMs } of outages) {
        const seen = this.#complete.filter((sweep) => sweep.fromMs >= fromMs && sweep.toMs <= toMs);
        const within = (change: string, untilMs: number) =>
          told.filter((each) => each.change === change && each.toMs >= sinceMs && each.fromMs <= untilMs)
            .length;
        const times = within('unreachable', toMs);
        const isRight = times === 1 || (times === 0 && seen.length < thresholdSweeps ? undefined : false);
        this.#add(
          'outages told once',
          isRight,
          () => `outage of ${id} told ${times} times, seen by ${seen.length}`,
        );
        const nextMs = outages.find((other) => other.fromMs > toMs)?.fromMs ?? performance.now();
        const isSeenAfter = this.#complete.some((sweep) => sweep.fromMs > toMs && sweep.toMs < nextMs);
        if (times === 1 && isSeenAfter) {
          const returns = within('reachable', nextMs);
          this.#add('returns told once', returns === 1, () => `return of ${id} told ${returns} times`);
        }
      }
      for (const { change, fromMs, toMs } of told) {
        // A return is told when the guest is back, however long its agent takes to start.
        const isNear = (endMs: number) => change === 'reachable' || endMs >= fromMs - 60_000;
        const isOfOutage = outages.some((outage) => outage.sinceMs <= toMs && isNear(outage.toMs));
        const isOf = isOfOutage && ['unreachable', 'reachable', 'reason_changed'].includes(change);
        this.#add(
          'changes without a cause',
          isOf,
          () => `${change} of ${id}: ${describe(truth, fromMs, toMs)}`,
        );
      }
    }
  }

  /** As a Markdown table. */
  get table(): string {
    const rows = [...this.#scores].map(([what, { right, unsure, wrong }]) =>
      [what, right, unsure, wrong].map(String),
    );
    return table(['', 'right', 'the truth changed meanwhile', 'wrong'], rows);
  }

  /** After a restart the exchange is missing until the first guest is back. */
  #isExchangeMissing(said: string | undefined, fromMs: number, toMs: number): boolean {
    const isBack = ({ truth }: Guest) => truth.throughout(fromMs, toMs) === 'alive';
    return said === 'exchange_missing' && !this.#world.guests.some(isBack);
  }

  /** @returns undefined where the truth is not certain, and what is said may be so */
  #judge(truth: Timeline, said: string, fromMs: number, toMs: number): boolean | undefined {
    const broker = this.#world.broker.during(fromMs, toMs);
    const states = truth.during(fromMs, toMs);
    const isOfBroker = said.startsWith('broker_') || said === 'exchange_missing';
    if (broker.size === 1 && broker.has('up') && states.size === 1 && !states.has('unsure')) {
      const [state = 'unsure'] = states;
      if (state === 'unsure') return undefined;
      const isOfRestart = state !== 'alive' && this.#isExchangeMissing(said, fromMs, toMs);
      return isOfRestart || REASONS[state].includes(said);
    }
    const [only = 'unsure'] = broker;
    if (broker.size === 1 && (only === 'down' || only === 'blocked')) return said === BROKER_REASONS[only];
    if (said === 'reachable' && !states.has('alive') && !states.has('unsure')) return false;
    if (['bad_reply', 'key_mismatch', 'guest_error', 'queue_down'].includes(said)) return false;
    if (isOfBroker && broker.size === 1 && only === 'up')
      return said === 'exchange_missing' && states.has('unsure') ? undefined : false;
    return undefined;
  }

  #add(what: What, isRight: boolean | undefined, describeMistake: () => string): void {
    const score = this.#scores.get(what);
    if (!score) return;
    score[isRight === undefined ? 'unsure' : isRight ? 'right' : 'wrong']++;
    if (isRight === false) {
      const atS = Math.round((performance.now() - this.#startMs) / 1000);
      this.mistakes.push(`${atS} s, ${what}: ${describeMistake()}`);
      console.log(this.mistakes.at(-1));
    }
  }
}

type Timeline = Guest['truth'];

function describe(truth: Timeline, fromMs: number, toMs: number): string {
  return [...truth.during(fromMs, toMs)].join(', then ');
}

/** A time in which the guest did not answer; `sinceMs`: when it began to go, which may take while the broker is away. */
interface Outage extends SpanOfTime {
  readonly sinceMs: number;
}

function outagesOf(truth: Timeline): Outage[] {
  const going = truth.spans('unsure');
  return [...truth.spans('killed'), ...truth.spans('frozen')]
    .map((span) => ({
      ...span,
      sinceMs: going.find(({ toMs }) => toMs === span.fromMs)?.fromMs ?? span.fromMs,
    }))
    .sort((a, b) => a.fromMs - b.fromMs);
}
