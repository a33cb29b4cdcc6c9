import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { type Answer, type Contestant, cpuTimeMs } from '../contestant.ts';
import { EchoResponder } from '../echo-responder.ts';
import { interleaved, median, ratio } from '../measurement.ts';
import { type Section, significant, table, written } from '../report.ts';
import type { Stage } from '../stage.ts';

const SIZES = [1000, 10_000, 30_000];
const REPEATS = 3;

/** The share of guests that hang in the last column, and the wait for one of them. */
const HUNG_SHARE = 0.01;
const RPC_TIMEOUT_MS = 15_000;

const NAMED = 'named in the event';
const LISTED = 'listed by the management API';
const BARE = 'bare amqplib, 256 in flight';

interface Sample {
  readonly elapsedMs: number;
  readonly brokerCpuMs: number;
  readonly maxRssBytes: number;
}

/** Measures how time, memory and the broker's work of a sweep grow with the fleet. Takes long, so runs by name alone. */
export async function growth(stage: Stage): Promise<Section> {
  const fleet = new EchoResponder(stage.rabbit.url);
  stage.onLeaving(() => fleet.end());
  const ids: string[] = [];
  const rows: string[][] = [];
  for (const size of SIZES) {
    const added = Array.from({ length: size - ids.length }, () => randomUUID());
    await fleet.answerFor(added);
    ids.push(...added);
    rows.push(...(await measure(stage, ids)));
  }
  return {
    title: 'Growth',
    body: [
      table(
        [
          'Guests',
          '',
          's',
          'guests a second',
          'rate, × bare',
          'broker CPU ms a guest',
          'MB',
          '× the single deadline',
        ],
        rows,
      ),
      `Medians of ${REPEATS} sweeps that took turns. Memory is the greatest resident set that the process ever had. The last column is the time of a sweep in which one guest in ${1 / HUNG_SHARE} hangs, by the ${RPC_TIMEOUT_MS / 1000} s that one is waited for. Among the listed is one guest that is shut down, whose grace of a second each such sweep has in it.`,
    ],
    goals: [],
  };
}

async function measure(stage: Stage, ids: readonly string[]): Promise<string[][]> {
  const beam = Number(await stage.rabbit.ctl('eval', 'list_to_integer(os:getpid()).'));
  const one = ids.slice(0, 1);
  const ours = (first: readonly string[]) =>
    stage.handler(
      'health-check',
      { event: { instance_ids: first } },
      { BROKER_URL: stage.rabbit.url, BROKER_MANAGEMENT_URL: stage.rabbit.managementUrl },
    );
  const bare = stage.handler('bare-amqplib', { ids: one, times: 1, inFlight: 1 });
  const [named, listed] = [ours(one), ours(one)];
  for (const contestant of [bare, named, listed]) await contestant.answer();
  const samples = await interleaved(
    REPEATS,
    new Map([
      [BARE, () => sample(beam, () => bare.ask({ ids, times: 1, inFlight: 256 }))],
      [NAMED, () => sample(beam, () => named.ask({ event: { instance_ids: ids } }))],
      [LISTED, () => sample(beam, () => listed.ask({ event: {} }))],
    ]),
  );
  const deadlines = await withHungGuests(stage, ids, named);
  for (const contestant of [bare, named, listed]) await contestant.end();
  const times = (name: string) => (samples.get(name) ?? []).map(({ elapsedMs }) => elapsedMs);
  return [...samples].map(([name, each]) => [
    ids.length.toLocaleString('en'),
    name,
    significant(median(times(name)) / 1000),
    significant(ids.length / (median(times(name)) / 1000)),
    written(ratio(times(BARE), times(name))),
    significant(median(each.map(({ brokerCpuMs }) => brokerCpuMs)) / ids.length),
    significant(Math.max(...each.map(({ maxRssBytes }) => maxRssBytes)) / 1e6),
    name === NAMED ? significant(deadlines) : '',
  ]);
}

async function sample(beam: number, ask: () => Promise<Answer>): Promise<Sample> {
  const before = cpuTimeMs(beam);
  const { elapsedMs, maxRssBytes, response } = await ask();
  if (response.reachable === 0)
    throw new Error(`A living fleet is ${JSON.stringify(response).slice(0, 500)}`);
  return { elapsedMs, maxRssBytes, brokerCpuMs: cpuTimeMs(beam) - before };
}

/** Sweeps a fleet of which a share hangs. @returns the time of the sweep, as a multiple of a single guest's deadline */
async function withHungGuests(stage: Stage, ids: readonly string[], ours: Contestant): Promise<number> {
  const connection = await connect(stage.rabbit.url, { noDelay: true });
  const hung = await startHungGuests(connection, ids.length * HUNG_SHARE);
  const { elapsedMs } = await ours.ask({ event: { instance_ids: [...ids, ...hung] } });
  await connection.close();
  return elapsedMs / RPC_TIMEOUT_MS;
}

async function startHungGuests(connection: ChannelModel, count: number): Promise<string[]> {
  const channel = await connection.createChannel();
  const hung = Array.from({ length: count }, () => randomUUID());
  for (const id of hung) {
    const topic = `guestagent.${id}`;
    await channel.assertQueue(topic, { durable: false, autoDelete: true });
    await channel.bindQueue(topic, 'trove', topic);
    await channel.consume(topic, () => undefined, { noAck: true });
  }
  return hung;
}
