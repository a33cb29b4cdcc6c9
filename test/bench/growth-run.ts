import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What was measured of one RabbitMQ. */
export interface GrowthRun {
  readonly rabbitmq: string;
  readonly fleets: readonly Fleet[];
  /** Sweeps of the health check in the shares of a processor that Lambda gives; empty where none were measured. */
  readonly shares: readonly Share[];
}

/** A fleet of one size. Each list of samples has one for each repeat. */
export interface Fleet {
  readonly guests: number;
  /** How long it took until all were bound and consumed. */
  readonly declareMs: number;
  readonly bare: readonly Sample[];
  /** Bare amqplib that confirms and watches the clock, as a sweep does. */
  readonly confirming: readonly Sample[];
  readonly named: readonly Sample[];
  readonly listed: readonly Sample[];
  /** Missing in older runs. */
  readonly state?: readonly StateRound[];
  /** The list of the bindings alone. */
  readonly list: readonly Omit<Sample, 'maxRssBytes'>[];
  readonly dead: readonly DeadShare[];
}

export interface Sample {
  readonly elapsedMs: number;
  readonly brokerCpuMs: number;
  readonly maxRssBytes: number;
}

/** Listed sweeps in turns by two new processes, of which one keeps the state from sweep to sweep, and one has none. */
export interface StateRound {
  readonly kept: readonly Sample[];
  readonly without: readonly Sample[];
}

/** A sweep in which so many guests are dead besides; every reason was as expected. */
export interface DeadShare {
  readonly dead: number;
  readonly elapsedMs: number;
}

export interface Share {
  readonly guests: number;
  readonly memoryMb: number;
  readonly elapsedMs: readonly number[];
}

const FILE = join(import.meta.dirname, 'growth.json');

/** Keeps a run in `growth.json`, in place of an earlier one of the same RabbitMQ. @returns all that are kept */
export async function keepRun(run: GrowthRun): Promise<GrowthRun[]> {
  const kept: GrowthRun[] = JSON.parse(await readFile(FILE, 'utf8').catch(() => '[]'));
  const others = kept.filter(({ rabbitmq }) => rabbitmq !== run.rabbitmq);
  const runs = [...others, run].sort((a, b) => a.rabbitmq.localeCompare(b.rabbitmq, 'en', { numeric: true }));
  await writeFile(FILE, `${JSON.stringify(runs, null, 2)}\n`);
  return runs;
}
