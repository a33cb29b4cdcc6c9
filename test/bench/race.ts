import { type Contestant, cpuTimeMs } from './contestant.ts';
import { interleaved, median, ratio, type Spread, shuffled, significant, spread } from './measurement.ts';
import { table, written } from './report.ts';
import { pings } from './stage.ts';

/** How many values each contestant gets, each of a process of its own, in so many turns: a disturbance affects all contestants. */
export const REPEATS = 21;
const TURNS = 10;

/** How many pings a repeat has at most, in all of its turns. */
export const PINGS = 300;

/** How many pings a contestant has behind it when it is measured, unless each takes long. */
export const WARM_UP = 1000;

/** A kind of contestant. */
export interface Pinger {
  /** Starts one; its first command warms it up. */
  readonly start: () => Contestant;
  /** The process whose processor time is counted for its pings; by default the contestant's own. */
  readonly cpuPid: number | undefined;
  /** How many pings make a repeat; fewer where each takes long. */
  readonly times: number;
}

/** What a contestant did in one turn. */
interface Turn {
  readonly durationsMs: readonly number[];
  readonly cpuMs: number;
}

/** The median time of a ping in one repeat, and the processor time of one. */
interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Each contestant's repeats, by name. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export function pinger(start: () => Contestant, cpuPid?: number, times = PINGS): Pinger {
  return { start, cpuPid, times };
}

/** Has contestants take turns; each repeat starts and warms up new ones, since the same program is not as fast in each process. */
export async function race(id: string, pingers: Readonly<Record<string, Pinger>>): Promise<Samples> {
  const samples = new Map<string, Sample[]>(Object.keys(pingers).map((name) => [name, []]));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const started = shuffled(Object.entries(pingers)).map(([name, pinger]) => ({
      name,
      pinger,
      contestant: pinger.start(),
    }));
    for (const { contestant } of started) await contestant.answer();
    const turns = await interleaved(
      TURNS,
      new Map(started.map(({ name, pinger, contestant }) => [name, () => turn(id, pinger, contestant)])),
    );
    for (const { contestant } of started) await contestant.end();
    for (const [name, own] of turns) samples.get(name)?.push(sampleOf(own));
  }
  return samples;
}

async function turn(id: string, { cpuPid, times }: Pinger, contestant: Contestant): Promise<Turn> {
  const pid = cpuPid ?? contestant.pid;
  const cpuBefore = cpuTimeMs(pid);
  const { durationsMs, response } = await contestant.ask(pings(id, times / TURNS));
  if (response.statusCode !== 204) throw new Error(`A living guest is ${response.statusCode}`);
  return { durationsMs, cpuMs: cpuTimeMs(pid) - cpuBefore };
}

function sampleOf(turns: readonly Turn[]): Sample {
  const durationsMs = turns.flatMap((turn) => turn.durationsMs);
  const cpuMs = turns.reduce((sum, turn) => sum + turn.cpuMs, 0);
  return { ms: median(durationsMs), cpuMs: cpuMs / durationsMs.length };
}

export function latencies(samples: Samples, name: string): number[] {
  return (samples.get(name) ?? []).map(({ ms }) => ms);
}

function processorTimes(samples: Samples, name: string): number[] {
  return (samples.get(name) ?? []).map(({ cpuMs }) => cpuMs);
}

/** The ratio of two contestants' times, repeat by repeat. */
export function latency(samples: Samples, numerator: string, denominator: string): Spread {
  return ratio(latencies(samples, numerator), latencies(samples, denominator));
}

/** The ratio of two contestants' processor times, repeat by repeat. */
export function processorTime(samples: Samples, numerator: string, denominator: string): Spread {
  return ratio(processorTimes(samples, numerator), processorTimes(samples, denominator));
}

/** How {@link race} has measured, for the reader. */
export const METHOD = `Each row is ${REPEATS} repeats, each a new process that is warmed up first, of up to ${PINGS} pings, one ping at a time, in ${TURNS} turns. The time is the median of a repeat`;

/** A table whose times are multiples of `ours`. */
export function samplesTable(samples: Samples): string {
  const rows = [...samples.keys()].map((name) => [
    name,
    written(latency(samples, name, 'ours')),
    significant(median(latencies(samples, name))),
    written(spread(processorTimes(samples, name))),
  ]);
  return table(['', 'Time, × ours', 'ms a ping', 'CPU ms a ping'], rows);
}
