import { type Contestant, cpuTimeMs } from './contestant.ts';
import { interleaved, median, ratio, type Spread, spread } from './measurement.ts';
import { significant, table, written } from './report.ts';
import { pings } from './stage.ts';

/** How many blocks each contestant has. */
export const REPEATS = 11;

/** How many pings a block has at most. */
export const PINGS = 300;

/** A contestant, and the process whose processor time is counted for its pings. */
export interface Pinger {
  readonly contestant: Contestant;
  readonly cpuPid: number;
  /** How many pings make a block; fewer where each takes long. */
  readonly times: number;
}

interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Each contestant's blocks, by name. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** @param cpuPid the process whose processor time is counted, by default the contestant's own */
export function pinger(contestant: Contestant, cpuPid = contestant.pid, times = PINGS): Pinger {
  return { contestant, cpuPid, times };
}

/** Lets each contestant warm up with its first command, then measures them in turns. */
export async function race(id: string, pingers: Readonly<Record<string, Pinger>>): Promise<Samples> {
  const all = Object.entries(pingers);
  for (const [, { contestant }] of all) await contestant.answer();
  const samples = await interleaved(
    REPEATS,
    new Map(all.map(([name, pinger]) => [name, () => block(id, pinger)])),
  );
  for (const [, { contestant }] of all) await contestant.end();
  return samples;
}

async function block(id: string, { contestant, cpuPid, times }: Pinger): Promise<Sample> {
  const cpuBefore = cpuTimeMs(cpuPid);
  const { durationsMs, response } = await contestant.ask(pings(id, times));
  if (response.statusCode !== 204) throw new Error(`A living guest is ${response.statusCode}`);
  return { ms: median(durationsMs), cpuMs: (cpuTimeMs(cpuPid) - cpuBefore) / times };
}

function latencies(samples: Samples, name: string): number[] {
  return (samples.get(name) ?? []).map(({ ms }) => ms);
}

export function processorTimes(samples: Samples, name: string): number[] {
  return (samples.get(name) ?? []).map(({ cpuMs }) => cpuMs);
}

/** The ratio of two contestants' times, block by block. */
export function latency(samples: Samples, numerator: string, denominator: string): Spread {
  return ratio(latencies(samples, numerator), latencies(samples, denominator));
}

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
