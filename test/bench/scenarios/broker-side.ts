import { setTimeout } from 'node:timers/promises';
import { type Contestant, cpuTimeMs } from '../contestant.ts';
import { interleaved, ratio, significant, spread } from '../measurement.ts';
import { goal, type Section, table, written } from '../report.ts';
import { type HandlerName, pings, STATISTICS_INTERVAL_MS, type Stage } from '../stage.ts';

const REPEATS = 7;
const PINGS = 1000;

/** RabbitMQ's own counts since its start, from its management API. */
interface Counts {
  readonly connections: number;
  readonly channels: number;
  readonly queues: number;
  readonly published: number;
  readonly delivered: number;
  readonly confirmed: number;
}

/** Measures what pings cost the broker. */
export async function brokerSide(stage: Stage): Promise<Section> {
  const names: HandlerName[] = ['ours', 'usual-way', 'bare-amqplib'];
  const contestants = new Map(names.map((name) => [name, stage.handler(name, pings(stage.echoId, 100))]));
  for (const contestant of contestants.values()) await contestant.answer();
  const counted = new Map<HandlerName, Counts>();
  for (const [name, contestant] of contestants) counted.set(name, await countsOf(stage, contestant));
  const beam = Number(await stage.rabbit.ctl('eval', 'list_to_integer(os:getpid()).'));
  const cpuMs = await interleaved(
    REPEATS,
    new Map(
      [...contestants].map(([name, contestant]) => [name, () => brokersCpuMs(stage, contestant, beam)]),
    ),
  );
  for (const contestant of contestants.values()) await contestant.end();

  const ours = cpuMs.get('ours') ?? [];
  const rows = [...counted].map(([name, counts]) => {
    const cpu = cpuMs.get(name) ?? [];
    const perPing = [counts.published, counts.delivered, counts.confirmed].map((count) =>
      significant(count / PINGS),
    );
    const opened = [counts.connections, counts.channels, counts.queues].map(String);
    return [name.replace('-', ' '), ...opened, ...perPing, written(ratio(cpu, ours)), written(spread(cpu))];
  });
  const { connections = 0, channels = 0, queues = 0 } = counted.get('ours') ?? {};
  return {
    title: "The broker's side",
    body: [
      `What ${PINGS} warm pings of an echo responder open on the broker, and what one of them costs it (published and delivered count request and reply):`,
      table(
        [
          '',
          'connections',
          'channels',
          'queues',
          'published',
          'delivered',
          'confirmed',
          'CPU, × ours',
          'CPU ms a ping',
        ],
        rows,
      ),
      "The processor time is that of RabbitMQ's process, its housekeeping while the pings take place included.",
    ],
    goals: [
      goal(
        `${PINGS} warm pings open no connection, channel or queue`,
        spread([connections + channels + queues]),
        { atMost: 0 },
      ),
    ],
  };
}

async function countsOf(stage: Stage, contestant: Contestant): Promise<Counts> {
  const before = await settledCounts(stage);
  await contestant.ask(pings(stage.echoId, PINGS));
  const after = await settledCounts(stage);
  return {
    connections: after.connections - before.connections,
    channels: after.channels - before.channels,
    queues: after.queues - before.queues,
    published: after.published - before.published,
    delivered: after.delivered - before.delivered,
    confirmed: after.confirmed - before.confirmed,
  };
}

/** Reads the counts after twice the interval in which RabbitMQ collects them. */
async function settledCounts(stage: Stage): Promise<Counts> {
  await setTimeout(2 * STATISTICS_INTERVAL_MS);
  const headers = { authorization: `Basic ${btoa('guest:guest')}` };
  const response = await fetch(`${stage.rabbit.managementUrl}/api/overview`, { headers });
  const {
    churn_rates: churn,
    message_stats: messages,
  }: Record<string, Record<string, number>> = JSON.parse(await response.text());
  return {
    connections: churn?.['connection_created'] ?? 0,
    channels: churn?.['channel_created'] ?? 0,
    queues: churn?.['queue_declared'] ?? 0,
    published: messages?.['publish'] ?? 0,
    delivered: messages?.['deliver_get'] ?? 0,
    confirmed: messages?.['confirm'] ?? 0,
  };
}

/** Measures the broker's processor time for one ping, by a fifth of the pings, since the usual way is slow. */
async function brokersCpuMs(stage: Stage, contestant: Contestant, beam: number): Promise<number> {
  const times = PINGS / 5;
  const before = cpuTimeMs(beam);
  await contestant.ask(pings(stage.echoId, times));
  return (cpuTimeMs(beam) - before) / times;
}
