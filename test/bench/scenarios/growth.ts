import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { type ChannelModel, connect } from 'amqplib';
import { parseAddress } from '../../../functions/broker/address.ts';
import { fixedLocator } from '../../../functions/broker/locator.ts';
import { ManagementApi } from '../../../functions/broker/management.ts';
import { Deadline } from '../../../functions/time/deadline.ts';
import { isOtherDebian } from '../../../infra/local/parts/debian-root.ts';
import { ProcessorShare } from '../../aws-runtime/processor-share.ts';
import { type Answer, type Contestant, cpuTimeMs } from '../contestant.ts';
import { EchoResponder } from '../echo-responder.ts';
import { growthReport } from '../growth-report.ts';
import {
  type DeadShare,
  type Fleet,
  type GrowthRun,
  keepRun,
  type Sample,
  type Share,
  type StateRound,
} from '../growth-run.ts';
import { interleaved } from '../measurement.ts';
import type { Section } from '../report.ts';
import type { Stage } from '../stage.ts';

const SIZES = [1000, 10_000, 40_000];

/** How many sweeps of each kind are measured of a fleet. */
const REPEATS = new Map([
  [1000, 9],
  [10_000, 7],
  [40_000, 3],
]);

/** Where one in a hundred guests is dead, and where one in ten. */
const DEAD_SHARES = new Map([
  [1000, [0.01]],
  [10_000, [0.01, 0.1]],
  [40_000, [0.01]],
]);

/**
 * How often processes with and without a state are started anew, since none has the memory of another, and how often each
 * pair of them sweeps in turns. The first sweep, which makes the state, does not count.
 */
const STATE_ROUNDS = 4;
const STATE_SWEEPS = 6;

/** The memory that Lambda's share of a processor belongs to, and how many sweeps are measured of a fleet. */
const MEMORY_MB = [256, 512, 1024, 1769];
const SHARE_REPEATS = new Map([
  [10_000, 3],
  [40_000, 1],
]);

/** Fleets are in a virtual host that nobody else is in. */
const VHOST = 'growth';

/** The parts that all measurements of a run share. */
interface Field {
  readonly stage: Stage;
  readonly settings: { readonly BROKER_URL: string; readonly BROKER_MANAGEMENT_URL: string };
  /** The broker's process. */
  readonly beam: number;
}

/**
 * Measures how time, memory and the broker's work of a sweep grow with the fleet. Takes long, so runs by name alone. The
 * report has the last run of each RabbitMQ.
 */
export async function growth(stage: Stage): Promise<Section> {
  const { rabbit } = stage;
  await rabbit.ctl('add_vhost', VHOST);
  await rabbit.ctl('set_permissions', '-p', VHOST, 'guest', '.*', '.*', '.*');
  const field: Field = {
    stage,
    settings: { BROKER_URL: `${rabbit.url}/${VHOST}`, BROKER_MANAGEMENT_URL: rabbit.managementUrl },
    beam: Number(await rabbit.ctl('eval', 'list_to_integer(os:getpid()).')),
  };
  const responder = new EchoResponder(field.settings.BROKER_URL);
  stage.onLeaving(() => responder.end());
  const ids: string[] = [];
  const fleets: Fleet[] = [];
  const rabbitmq = (await rabbit.ctl('version')).trim();
  let runs: readonly GrowthRun[] = [];
  const shares: Share[] = [];
  for (const size of SIZES) {
    const added = Array.from({ length: size - ids.length }, () => randomUUID());
    const begin = performance.now();
    await responder.answerFor(added);
    const declareMs = performance.now() - begin;
    ids.push(...added);
    console.log(`${size} guests after ${Math.round(declareMs / 1000)} s`);
    fleets.push({ guests: size, declareMs, ...(await measure(field, ids)) });
    if (!isOtherDebian) shares.push(...(await measureShares(field, ids)));
    runs = await keepRun({ rabbitmq, fleets, shares }); // what a run that is cut short has measured is kept
  }
  return growthReport(runs);
}

async function measure(field: Field, ids: readonly string[]): Promise<Omit<Fleet, 'guests' | 'declareMs'>> {
  const { stage, settings } = field;
  const one = ids.slice(0, 1);
  const event = { instance_ids: one };
  const ours = stage.handler('health-check', { event }, settings);
  const first = { ids: one, times: 1, inFlight: 1 };
  const bare = stage.handler('bare-amqplib', first, settings);
  const confirming = stage.handler('bare-amqplib', first, { ...settings, DUTIES: 'sweep' });
  const repeats = REPEATS.get(ids.length) ?? 1;
  const all = [bare, confirming, ours];
  for (const contestant of all) await contestant.answer();
  const samples = await interleaved(
    repeats,
    new Map([
      ['bare', () => sample(field, () => bare.ask({ ids, times: 1, inFlight: 256 }))],
      ['confirming', () => sample(field, () => confirming.ask({ ids, times: 1, inFlight: 256 }))],
      ['named', () => sample(field, () => ours.ask({ event: { instance_ids: ids } }))],
      ['listed', () => sample(field, () => ours.ask({ event: {} }))],
    ]),
  );
  const list = [];
  for (let repeat = 0; repeat < repeats; repeat++)
    list.push(await timed(field, () => listBindings(field, ids)));
  const dead = [];
  for (const share of DEAD_SHARES.get(ids.length) ?? [])
    dead.push(await sweepWithDead(field, ids, ids.length * share, ours));
  for (const contestant of all) await contestant.end();
  const of = (name: string) => samples.get(name) ?? [];
  return {
    bare: of('bare'),
    confirming: of('confirming'),
    named: of('named'),
    listed: of('listed'),
    state: await measureState(field, ids),
    list,
    dead,
  };
}

async function measureState(field: Field, ids: readonly string[]): Promise<StateRound[]> {
  const { stage, settings } = field;
  const rounds: StateRound[] = [];
  for (let round = 0; round < STATE_ROUNDS; round++) {
    const state = pathToFileURL(stage.folder.file(`state-${ids.length}-${round}.json`)).href;
    const first = { event: { instance_ids: ids.slice(0, 1) } };
    const kept = stage.handler('health-check', first, { ...settings, FLEET_STATE_URL: state });
    const without = stage.handler('health-check', first, settings);
    for (const contestant of [kept, without]) await contestant.answer();
    const sweep = (contestant: Contestant) => () => sample(field, () => contestant.ask({ event: {} }));
    const sweeps = await interleaved(
      STATE_SWEEPS,
      new Map([
        ['kept', sweep(kept)],
        ['without', sweep(without)],
      ]),
    );
    for (const contestant of [kept, without]) await contestant.end();
    const counted = (name: keyof StateRound) => sweeps.get(name)?.slice(1) ?? [];
    rounds.push({ kept: counted('kept'), without: counted('without') });
  }
  return rounds;
}

async function sample(field: Field, ask: () => Promise<Answer>): Promise<Sample> {
  const { elapsedMs, brokerCpuMs, result } = await timed(field, ask);
  const { response, maxRssBytes } = result;
  if (response.reachable === 0)
    throw new Error(`A living fleet is ${JSON.stringify(response).slice(0, 500)}`);
  return { elapsedMs, maxRssBytes, brokerCpuMs };
}

async function timed<T>({ beam }: Field, work: () => Promise<T>) {
  const [cpu, begin] = [cpuTimeMs(beam), performance.now()];
  const result = await work();
  return { elapsedMs: performance.now() - begin, brokerCpuMs: cpuTimeMs(beam) - cpu, result };
}

/** @returns how many are bound */
async function listBindings({ settings }: Field, ids: readonly string[]): Promise<number> {
  const address = parseAddress(settings.BROKER_URL);
  if (typeof address === 'string') throw new Error('The broker has no address');
  const api = new ManagementApi(settings.BROKER_MANAGEMENT_URL, fixedLocator(address));
  const { length: bound } = await api.boundKeys('trove', Deadline.never);
  if (bound < ids.length) throw new Error(`${bound} of ${ids.length} guests are bound`);
  return bound;
}

/** Sweeps a fleet beside which others are dead: a third hangs, of a third the agent is down, a third was never there. */
async function sweepWithDead(
  { settings }: Field,
  ids: readonly string[],
  count: number,
  ours: Contestant,
): Promise<DeadShare> {
  const connection = await connect(settings.BROKER_URL, { noDelay: true });
  const dead = Array.from({ length: count }, () => randomUUID());
  const hung = dead.filter((_, index) => index % 3 === 0);
  const down = dead.filter((_, index) => index % 3 === 1);
  await forEachQueue(connection, [...hung, ...down], async (channel, queue) => {
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, 'trove', queue);
  });
  await forEachQueue(connection, hung, (channel, queue) => channel.consume(queue, () => undefined));
  const { elapsedMs, response } = await ours.ask({ event: { instance_ids: [...ids, ...dead] } });
  const expected = {
    no_reply: hung.length,
    no_consumer: down.length,
    queue_missing: count - hung.length - down.length,
  };
  const found = response.unreachable_by_reason;
  for (const [reason, guests] of Object.entries(expected))
    if (found?.[reason] !== guests)
      throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
  await forEachQueue(connection, [...hung, ...down], (channel, queue) => channel.deleteQueue(queue));
  await connection.close();
  return { dead: count, elapsedMs };
}

type Channel = Awaited<ReturnType<ChannelModel['createChannel']>>;

/** Does something with each guest's queue, on several channels, which stay open: consumers end with them. */
async function forEachQueue(
  connection: ChannelModel,
  ids: readonly string[],
  work: (channel: Channel, queue: string) => Promise<unknown>,
): Promise<void> {
  const left = ids.values();
  const worker = async () => {
    const channel = await connection.createChannel();
    for (const id of left) await work(channel, `guestagent.${id}`);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Measures named sweeps in Lambda's shares of a processor; nothing where this process may not make cgroups. */
async function measureShares({ stage, settings }: Field, ids: readonly string[]): Promise<Share[]> {
  const shares: Share[] = [];
  for (const memoryMb of SHARE_REPEATS.has(ids.length) ? MEMORY_MB : []) {
    const share = ProcessorShare.make('growth');
    if (share === undefined) return [];
    const event = { instance_ids: ids.slice(0, 1) };
    const ours = stage.handler('health-check', { event }, settings, { memoryMb, share });
    await ours.answer();
    share.give(memoryMb);
    const elapsedMs: number[] = [];
    for (let repeat = 0; repeat < (SHARE_REPEATS.get(ids.length) ?? 0); repeat++)
      elapsedMs.push((await ours.ask({ event: { instance_ids: ids } })).elapsedMs);
    await ours.end();
    await share.remove();
    shares.push({ guests: ids.length, memoryMb, elapsedMs });
  }
  return shares;
}
