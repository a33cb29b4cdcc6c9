import { writeFile } from 'node:fs/promises';
import { rpcContext } from '../../../functions/guest/request-context.ts';
import { SecureSerializer } from '../../../functions/guest/secure-serializer.ts';
import { Gateway } from '../../../infra/local/parts/gateway.ts';
import { LambdaProcess } from '../../../infra/local/parts/lambda-process.ts';
import type { TroveApiServer } from '../../../infra/local/parts/trove-api-server.ts';
import { bars, type Chart } from '../chart.ts';
import { median } from '../measurement.ts';
import {
  latencies,
  latency,
  METHOD,
  PINGS,
  pinger,
  processorTime,
  race,
  type Samples,
  samplesTable,
  WARM_UP,
} from '../race.ts';
import { type Goal, goal, type Section } from '../report.ts';
import { httpClient, osloClient } from '../rivals.ts';
import { KEY, pings, type Stage } from '../stage.ts';

/** Measures pings from event to response, over open connections. */
export async function warm(stage: Stage): Promise<Section> {
  const first = pings(stage.echoId, WARM_UP);
  const echo = await race(stage.echoId, {
    [BARE]: pinger(() => stage.handler('bare-amqplib', first)),
    [WITH_DUTIES]: pinger(() =>
      stage.handler('bare-amqplib', first, { BROKER_URL: stage.rabbit.url, ...DUTIES }),
    ),
    [OURS]: pinger(() => stage.handler('ours', first)),
    ...(stage.hasOther && { [OTHER]: pinger(() => stage.handler('other', first)) }),
    'ours, with no log line written': pinger(() =>
      stage.handler('ours', first, { BROKER_URL: stage.rabbit.url, ...SILENT }),
    ),
  });
  const goals = [
    goal(
      'Warm, echo responder: at most 1.25 × the time of bare amqplib',
      latency(echo, OURS, BARE),
      { atMost: 1.25 },
      latency(echo, WITH_DUTIES, BARE),
    ),
    goal(
      'Warm, echo responder: at most 2 × the processor time of bare amqplib',
      processorTime(echo, OURS, BARE),
      { atMost: 2 },
      processorTime(echo, WITH_DUTIES, BARE),
    ),
    ...goalsOfOther(echo, 'echo responder'),
  ];
  const body = ['To an echo responder, which costs next to nothing:', samplesTable(echo)];
  if (stage.guests === undefined) {
    return {
      title: 'Warm',
      charts: [chart({ [ECHO]: echo })],
      body: [...body, 'Trove cannot be installed here: no real guests, and nothing of Trove.'],
      goals,
    };
  }

  const troveApi = await stage.troveApi();
  const plain = await raceToRealGuest(stage, troveApi, undefined);
  const encrypted = await raceToRealGuest(stage, troveApi, KEY);
  return {
    title: 'Warm',
    charts: [chart({ [ECHO]: echo, [PLAIN]: plain, [ENCRYPTED]: encrypted })],
    body: [
      ...body,
      'To a real Trove guest, in the clear:',
      samplesTable(plain),
      'To a real Trove guest whose RPC is encrypted (bare amqplib sends a context that was encrypted once, and does not decrypt the answer):',
      samplesTable(encrypted),
      `${METHOD}; the processor time is that of the process on our side of the broker (for the rows over HTTP: of the server, without its client). What is logged goes to a pipe that is read and thrown away, as Lambda reads it; to write it is part of a ping.`,
      `What we do and bare amqplib does not: a deadline and the watch over a silent guest, and the log line with its metrics, all of which are asked for; *${WITH_DUTIES}* does them in the shortest way. What we take beyond it goes to Middy, to the diagnosis, and to a connection that outlives its loss.`,
    ],
    goals: [
      ...goals,
      ...realGuestGoals(plain, 'plaintext', 1.1),
      ...realGuestGoals(encrypted, 'encrypted', 1.2),
    ],
  };
}

const OURS = 'ours';
const OTHER = 'the other build';
const BARE = 'bare amqplib';
const TROVE = "Trove's API, over HTTP";
const WITH_DUTIES = 'bare amqplib that watches the clock and logs';
const DUTIES = { DUTIES: 'ping' };
const ECHO = 'An echo responder';
const PLAIN = 'A real guest, in the clear';
const ENCRYPTED = 'A real guest, encrypted';
const SILENT = { AWS_LAMBDA_LOG_LEVEL: 'FATAL' };

async function raceToRealGuest(
  stage: Stage,
  troveApi: TroveApiServer,
  key: string | undefined,
): Promise<Samples> {
  const id = key === undefined ? stage.plainId : stage.encryptedId;
  const settings: Record<string, string> = { BROKER_URL: stage.rabbit.url };
  const bare: Record<string, string> = { BROKER_URL: stage.rabbit.url };
  if (key !== undefined) {
    settings['GUEST_KEYS_FILE'] = stage.folder.file('keys.json');
    await writeFile(stage.folder.file('keys.json'), JSON.stringify({ [id]: key }));
    const context = rpcContext({ tenantId: 'tenant', requestId: `req-${id}` });
    bare['ENCRYPTED_CONTEXT'] = new SecureSerializer(key).serializeContext(context);
  }
  const first = pings(id, WARM_UP);
  const few = pings(id, PINGS / 5);
  const lambda = await LambdaProcess.start(stage.ping, settings, () => undefined);
  const gateway = await Gateway.listen((event) => lambda.invoke(event));
  const samples = await race(id, {
    [BARE]: pinger(() => stage.handler('bare-amqplib', first, bare)),
    [WITH_DUTIES]: pinger(() => stage.handler('bare-amqplib', first, { ...bare, ...DUTIES })),
    [OURS]: pinger(() => stage.handler('ours', first, settings)),
    ...(stage.hasOther && { [OTHER]: pinger(() => stage.handler('other', first, settings)) }),
    "oslo.messaging's client": pinger(() => osloClient(stage.rabbit.url, first, key)),
    'ours, over HTTP through the local gateway': pinger(() => httpClient(gateway.url, first), lambda.pid),
    [TROVE]: pinger(() => httpClient(troveApi.url, few), troveApi.pid, PINGS / 5),
  });
  await gateway.close();
  await lambda.end();
  return samples;
}

function realGuestGoals(samples: Samples, kind: string, atMost: number): Goal[] {
  return [
    goal(
      `Warm, real guest, ${kind}: at most ${atMost} × the time of bare amqplib`,
      latency(samples, OURS, BARE),
      { atMost },
      latency(samples, WITH_DUTIES, BARE),
    ),
    goal(
      `Warm, real guest, ${kind}: at most 1/20 (0.05) of the processor time of Trove's API`,
      processorTime(samples, OURS, TROVE),
      { atMost: 1 / 20 },
      processorTime(samples, BARE, TROVE),
    ),
    ...goalsOfOther(samples, `real guest, ${kind}`),
  ];
}

/** None without another build. */
function goalsOfOther(samples: Samples, guest: string): Goal[] {
  if (!samples.has(OTHER)) return [];
  const atMost = 1.02;
  const times = {
    time: latency(samples, OURS, OTHER),
    'processor time': processorTime(samples, OURS, OTHER),
  };
  return Object.entries(times).map(([what, measured]) =>
    goal(`Warm, ${guest}: at most ${atMost} × the ${what} of ${OTHER}`, measured, { atMost }),
  );
}

function chart(races: Readonly<Record<string, Samples>>): Chart {
  const groups = Object.entries(races).map(([name, samples]) => ({
    name,
    bars: [...samples.keys()].map((contestant) => ({
      name: contestant,
      parts: [median(latencies(samples, contestant))],
    })),
  }));
  return {
    name: 'warm',
    alt: 'Bars: the time of a warm ping by contestant, to an echo responder and to real guests',
    svg: bars({
      title: 'A warm ping',
      axis: 'milliseconds, event in to response out',
      parts: ['time'],
      groups,
    }),
  };
}
