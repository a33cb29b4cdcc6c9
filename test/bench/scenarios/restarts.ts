import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { LambdaProcess } from '../../../infra/local/parts/lambda-process.ts';
import { TroveGuests } from '../../../infra/local/parts/trove-guests.ts';
import { median, ratio, significant, spread } from '../measurement.ts';
import { pingEvent } from '../ping-event.ts';
import { goal, type Section, table, written } from '../report.ts';
import type { Stage } from '../stage.ts';

const RESTARTS = 50;

/** The graces that are compared, in seconds: what was the default, and what is. */
const BEFORE = '1';
const NOW = '0.25';

/** How often each function pings the guest, and for how long before and after a restart, in milliseconds. */
const EVERY_MS = 250;
const BESIDE_MS = 500;

/** What a grace came to in one restart. */
interface Count {
  pings: number;
  noConsumer: number;
}

/**
 * Restarts a real guest agent, in a new process each time, while two functions ping it at one rate, each with another
 * grace for a queue that nobody consumes. A grace that is shorter than a restart takes says `no_consumer` of an agent that
 * is just restarting.
 */
export async function restarts(stage: Stage): Promise<Section> {
  const title = 'Restarts of an agent';
  if (stage.guests === undefined)
    return { title, body: ['Trove cannot be installed here: no real guests.'], goals: [] };
  const id = randomUUID();
  const functions = new Map<string, LambdaProcess>();
  for (const grace of [BEFORE, NOW]) {
    const settings = { BROKER_URL: stage.rabbit.url, NO_CONSUMER_GRACE_SECONDS: grace };
    const lambda = await LambdaProcess.start(
      { ...stage.ping, bundlePath: stage.path('ours') },
      settings,
      () => undefined,
    );
    stage.onLeaving(() => lambda.end());
    functions.set(grace, lambda);
  }
  const counts = new Map<string, Count[]>([...functions.keys()].map((grace) => [grace, []]));
  const awayMs: number[] = [];
  let agent = await startAgent(stage, id);
  for (let restart = 0; restart < RESTARTS; restart++) {
    const pinging = new AbortController();
    const counted = [...functions].map(([grace, lambda]) => count(lambda, id, pinging.signal, grace));
    await setTimeout(BESIDE_MS);
    await agent.stop(id);
    const stoppedMs = performance.now();
    await agent.end();
    agent = await startAgent(stage, id);
    awayMs.push(performance.now() - stoppedMs);
    await setTimeout(BESIDE_MS);
    pinging.abort();
    for (const { grace, ...one } of await Promise.all(counted)) counts.get(grace)?.push(one);
  }
  await agent.end();
  const verdicts = (grace: string) => (counts.get(grace) ?? []).map(({ noConsumer }) => noConsumer);
  const rows = [...counts].map(([grace, each]) => [
    grace,
    written(spread(verdicts(grace))),
    String(each.filter(({ noConsumer }) => noConsumer > 0).length),
    significant(median(each.map(({ pings }) => pings))),
  ]);
  return {
    title,
    body: [
      `${RESTARTS} restarts of a real agent, each in a new process: ${written(spread(awayMs))} ms from its stop until it consumes its queue again. Two functions ping it every ${EVERY_MS} ms, from ${BESIDE_MS} ms before until ${BESIDE_MS} ms after:`,
      table(['Grace, s', '`no_consumer` a restart', 'restarts with one at least', 'pings a restart'], rows),
    ],
    goals: [
      goal(
        `A grace of ${NOW} s: in a restart at most 1.1 × the verdicts no_consumer of a grace of ${BEFORE} s`,
        ratio(verdicts(NOW), verdicts(BEFORE)),
        { atMost: 1.1 },
      ),
    ],
  };
}

async function startAgent(stage: Stage, id: string): Promise<TroveGuests> {
  const agent = await TroveGuests.host({ brokerUrl: stage.rabbit.url, debug: false });
  if (agent === undefined) throw new Error('Trove cannot be installed here');
  await agent.start(id);
  return agent;
}

/** Pings at a fixed rate, however long each ping takes, until the signal; then waits for all of them. */
async function count(
  lambda: LambdaProcess,
  id: string,
  signal: AbortSignal,
  grace: string,
): Promise<Count & { grace: string }> {
  const pings: Promise<unknown>[] = [];
  while (!signal.aborted) {
    pings.push(lambda.invoke(pingEvent(id)));
    await setTimeout(EVERY_MS);
  }
  const answers = await Promise.all(pings);
  const said = answers.map((answer) => String(Object(Object(answer).headers)['Proxy-Status']));
  const noConsumer = said.filter((details) => details.includes('"no_consumer"')).length;
  return { grace, pings: pings.length, noConsumer };
}
