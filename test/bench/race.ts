import { type Contestant, cpuTimeMs } from './contestant.ts';
import { inRepeats, interleaved, median, ratio, type Spread, spread } from './measurement.ts';
import { significant, table, written } from './report.ts';
import { pings } from './stage.ts';

/** How many values each contestant gets, each of so many turns: a disturbance that lasts affects all contestants. */
export const REPEATS = 11;
const TURNS = 10;

/** How many pings a repeat has at most, in all of its turns. */
export const PINGS = 300;

/** A contestant, and the process whose processor time is counted for its pings. */
export interface Pinger {
  readonly contestant: Contestant;
  readonly cpuPid: number;
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

/** @param cpuPid the process whose processor time is counted, by default the contestant's own */
export function pinger(contestant: Contestant, cpuPid = contestant.pid, times = PINGS): Pinger {
  return { contestant, cpuPid, times };
}

/** Lets each contestant warm up with its first command, then measures them in turns. */
export async function race(id: string, pingers: Readonly<Record<string, Pinger>>): Promise<Samples> {
  const all = Object.entries(pingers);
  for (const [, { contestant }] of all) await contestant.answer();
  const turns = await interleaved(
    REPEATS * TURNS,
    new Map(all.map(([name, pinger]) => [name, () => turn(id, pinger)])),
  );
  for (const [, { contestant }] of all) await contestant.end();
  return new Map([...turns].map(([name, each]) => [name, samplesOf(each)]));
}

async function turn(id: string, { contestant, cpuPid, times }: Pinger): Promise<Turn> {
  const cpuBefore = cpuTimeMs(cpuPid);
  const { durationsMs, response } = await contestant.ask(pings(id, times / TURNS));
  if (response.statusCode !== 204) throw new Error(`A living guest is ${response.statusCode}`);
  return { durationsMs, cpuMs: cpuTimeMs(cpuPid) - cpuBefore };
}

function samplesOf(turns: readonly Turn[]): Sample[] {
  return inRepeats(turns, TURNS).map((own) => {
    const durationsMs = own.flatMap((turn) => turn.durationsMs);
    const cpuMs = own.reduce((sum, turn) => sum + turn.cpuMs, 0);
    return { ms: median(durationsMs), cpuMs: cpuMs / durationsMs.length };
  });
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
export const METHOD = `Each row is ${REPEATS} repeats of up to ${PINGS} pings, one ping at a time, in ${TURNS} turns each. The time is the median of a repeat`;

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
