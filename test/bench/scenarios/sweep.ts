import { randomUUID } from 'node:crypto';
import type { Answer, Contestant } from '../contestant.ts';
import { EchoResponder } from '../echo-responder.ts';
import { interleaved, median, ratio, type Spread, significant, spread } from '../measurement.ts';
import { type Goal, goal, type Section, table, written } from '../report.ts';
import { osloClient } from '../rivals.ts';
import type { Stage } from '../stage.ts';

const REPEATS = 21;

/** The number of threads with which oslo.messaging's client is fastest. */
const THREADS = 32;

/** The number of guests that oslo.messaging's client pings; its rate does not depend on that number. */
const OSLO_GUESTS = 1000;

interface Sample {
  readonly perSecond: number;
  readonly maxRssBytes: number;
}

type Samples = ReadonlyMap<string, readonly Sample[]>;

const OURS = 'ours';
const OTHER = 'the other build';
const BARE = 'bare amqplib, 256 in flight';
const CONFIRMING = 'bare amqplib that confirms and watches the clock, 256 in flight';
const MAX_BYTES = 256 * 1000 * 1000;

/** Measures sweeps of fleets of echo responders by the bundled health check. */
export async function sweep(stage: Stage): Promise<Section> {
  const [small, large] = [await sweepFleet(stage, 1000), await sweepFleet(stage, 10_000)];
  const memory = spread(memoryOf(large, OURS).map((bytes) => bytes / MAX_BYTES));
  return {
    title: 'Sweep',
    body: [
      '1,000 guests:',
      samplesTable(small),
      '10,000 guests:',
      samplesTable(large),
      `Guests for each second, from the event to the summary; the guests are echo responders in one process. oslo.messaging's client has ${THREADS} threads and ${OSLO_GUESTS} guests. Memory is the greatest resident set that the process ever had.`,
    ],
    goals: [
      goal(
        'Sweep of 10,000 live guests: at least 0.8 of the raw pipelined echo rate',
        rates(large, OURS, BARE),
        { atLeast: 0.8 },
        rates(large, CONFIRMING, BARE),
      ),
      goal('Sweep of 10,000 live guests: memory, of 256 MB at most 1', memory, { atMost: 1 }),
      ...goalsOfOther(large),
    ],
  };
}

/** None without another build. */
function goalsOfOther(samples: Samples): Goal[] {
  if (!samples.has(OTHER)) return [];
  return [
    goal(`Sweep of 10,000 live guests: at least 0.98 of the rate of ${OTHER}`, rates(samples, OURS, OTHER), {
      atLeast: 0.98,
    }),
    goal(
      `Sweep of 10,000 live guests: at most 1.02 × the memory of ${OTHER}`,
      ratio(memoryOf(samples, OURS), memoryOf(samples, OTHER)),
      { atMost: 1.02 },
    ),
  ];
}

async function sweepFleet(stage: Stage, size: number): Promise<Samples> {
  const ids = Array.from({ length: size }, () => randomUUID());
  const fleet = new EchoResponder(stage.rabbit.url);
  await fleet.answerFor(ids);
  const event = { instance_ids: ids };
  const one = { ids: ids.slice(0, 1), times: 1, inFlight: 1 };
  const first = { event: { instance_ids: one.ids } };
  const settings = { BROKER_URL: stage.rabbit.url, BROKER_MANAGEMENT_URL: stage.rabbit.managementUrl };
  const ours = stage.handler('health-check', first, settings);
  const other = stage.hasOther && stage.handler('other-health-check', first, settings);
  const bare = stage.handler('bare-amqplib', one);
  const confirming = stage.handler('bare-amqplib', one, { BROKER_URL: stage.rabbit.url, DUTIES: 'sweep' });
  const oslo = stage.guests && osloClient(stage.rabbit.url, one);
  const osloIds = ids.slice(0, OSLO_GUESTS);
  const contestants = new Map([
    [BARE, () => sample(bare.ask({ ids, times: 1, inFlight: 256 }), size)],
    [CONFIRMING, () => sample(confirming.ask({ ids, times: 1, inFlight: 256 }), size)],
    [OURS, async () => sample(ours.ask({ event }), size)],
  ]);
  if (other) contestants.set(OTHER, () => sample(other.ask({ event }), size));
  if (oslo) {
    const name = `oslo.messaging's client, ${THREADS} threads`;
    contestants.set(name, () =>
      sample(oslo.ask({ ids: osloIds, times: 1, inFlight: THREADS }), osloIds.length),
    );
  }
  const all: Contestant[] = [bare, confirming, ours, ...(other ? [other] : []), ...(oslo ? [oslo] : [])];
  for (const contestant of all) await contestant.answer();
  const samples = await interleaved(REPEATS, contestants);
  for (const contestant of all) await contestant.end();
  await fleet.end();
  return samples;
}

async function sample(asked: Promise<Answer>, size: number): Promise<Sample> {
  const { elapsedMs, maxRssBytes, response } = await asked;
  const isWell = response.statusCode === 204 || response.reachable === size;
  if (!isWell) throw new Error(`A living fleet is ${JSON.stringify(response).slice(0, 500)}`);
  return { perSecond: (size / elapsedMs) * 1000, maxRssBytes };
}

function memoryOf(samples: Samples, name: string): number[] {
  return (samples.get(name) ?? []).map(({ maxRssBytes }) => maxRssBytes);
}

function rates(samples: Samples, numerator: string, denominator: string): Spread {
  const rate = (name: string) => (samples.get(name) ?? []).map(({ perSecond }) => perSecond);
  return ratio(rate(numerator), rate(denominator));
}

function samplesTable(samples: Samples): string {
  const rows = [...samples].map(([name, each]) => [
    name,
    written(rates(samples, name, BARE)),
    significant(median(each.map(({ perSecond }) => perSecond))),
    significant(Math.max(...each.map(({ maxRssBytes }) => maxRssBytes)) / 1e6),
  ]);
  return table(['', 'Rate, × bare', 'guests a second', 'MB'], rows);
}
