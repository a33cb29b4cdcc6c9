import { randomUUID } from 'node:crypto';
import type { Reason } from '../../../functions/guest/reason.ts';
import { freePort } from '../../../infra/local/parts/free-port.ts';
import type { GuestBehaviour, TroveGuests } from '../../../infra/local/parts/trove-guests.ts';
import type { Contestant } from '../contestant.ts';
import { ratio, spread } from '../measurement.ts';
import { goal, type Section, table, written } from '../report.ts';
import { pings, type Stage } from '../stage.ts';

const REPEATS = 5;

interface Verdict {
  readonly reason: Reason;
  readonly ms: readonly number[];
}

/** Measures the time to each verdict on an unreachable guest, with the default settings. */
export async function deadGuests(stage: Stage): Promise<Section> {
  const { guests } = stage;
  if (guests === undefined) {
    return { title: 'Dead guests', body: ['Trove cannot be installed here: no real guests.'], goals: [] };
  }
  const ours = stage.handler('ours', pings(stage.echoId, 1));
  await ours.answer();
  const hanging = await guest(guests, { delay: 86_400 });
  const [silent, troveStopped, troveAbsent] = await Promise.all([
    verdict(ours, 'no_reply', hanging, REPEATS), // all at once, like Trove's, since these pings only wait
    troveVerdict(stage, stage.stoppedId),
    troveVerdict(stage, stage.absentId),
  ]);
  const verdicts = [
    await verdict(ours, 'queue_missing', stage.absentId),
    await verdict(ours, 'guest_error', await guest(guests, { raise: 'foreign' })),
    await verdict(ours, 'key_mismatch', await guest(guests, { key: 'a key that only the guest has' })),
    await verdict(ours, 'bad_reply', await guest(guests, { answer: 'nonsense' })),
    await verdict(ours, 'no_consumer', stage.stoppedId),
    silent,
    ...(await brokerVerdicts(stage)),
  ];
  await ours.end();
  const noConsumer = verdicts.find(({ reason }) => reason === 'no_consumer')?.ms ?? [];
  const trove = new Map<Reason, number[]>([
    ['queue_missing', troveAbsent],
    ['no_consumer', troveStopped],
  ]);
  const rows = verdicts.map(({ reason, ms }) => {
    const theirs = trove.get(reason);
    const compared = theirs ? [written(spread(theirs)), written(ratio(theirs, ms))] : ['', ''];
    return [`\`${reason}\``, written(spread(ms)), ...compared];
  });
  return {
    title: 'Dead guests',
    body: [
      'From the event to the 400 that names the reason, in a warm process, with the default settings:',
      table(['Reason', 'ms', "Trove's API, ms", "Trove's API, × ours"], rows),
      'Trove waits 15 s (`agent_call_low_timeout`) for whoever does not answer, which was measured for a guest that is shut down and for one that never existed. A guest that hangs is waited for as long by us.',
    ],
    goals: [goal('no_consumer, default settings: at most 350 ms', spread(noConsumer), { atMost: 350 })],
  };
}

async function guest(guests: TroveGuests, behaviour: GuestBehaviour): Promise<string> {
  const id = randomUUID();
  await guests.start(id, behaviour);
  return id;
}

/** @param inFlight how many of the pings run at once */
async function verdict(ours: Contestant, reason: Reason, id: string, inFlight = 1): Promise<Verdict> {
  const ids = Array.from({ length: REPEATS }, () => id);
  const { durationsMs, response } = await ours.ask({ ids, times: 1, inFlight });
  const said = response.headers?.['Proxy-Status'] ?? `status ${response.statusCode}`;
  if (!said.includes(`"${reason}"`)) throw new Error(`Not ${reason}: ${said}`);
  return { reason, ms: durationsMs };
}

/** Measures the verdicts whose cause is the broker. */
async function brokerVerdicts(stage: Stage): Promise<Verdict[]> {
  const { url } = stage.rabbit;
  const ways: readonly (readonly [Reason, Readonly<Record<string, string>>])[] = [
    ['exchange_missing', { BROKER_URL: url, CONTROL_EXCHANGE: 'astray' }],
    ['broker_unreachable', { BROKER_URL: `amqp://guest:guest@127.0.0.1:${await freePort()}` }],
    ['broker_refused', { BROKER_URL: url.replace('guest:guest@', 'guest:wrong@') }],
  ];
  const verdicts: Verdict[] = [];
  for (const [reason, settings] of ways) {
    const ours = stage.handler('ours', pings(stage.echoId, 1), settings);
    await ours.answer();
    verdicts.push(await verdict(ours, reason, stage.echoId));
    await ours.end();
  }
  return [...verdicts, await blockedVerdict(stage)];
}

async function blockedVerdict(stage: Stage): Promise<Verdict> {
  const ours = stage.handler('ours', pings(stage.echoId, 1));
  await ours.answer();
  await stage.rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
  try {
    return await verdict(ours, 'broker_blocked', stage.echoId);
  } finally {
    await stage.rabbit.ctl('set_vm_memory_high_watermark', '0.4');
    await ours.end();
  }
}

async function troveVerdict(stage: Stage, id: string): Promise<number[]> {
  const { url } = await stage.troveApi();
  const headers = {
    'X-Auth-Token': 'token',
    'X-User-Id': 'user',
    'X-Tenant-Id': 'tenant',
    'X-Role': 'admin',
  };
  const ask = async () => {
    const begin = performance.now();
    const { status } = await fetch(`${url}/v1.0/tenant/mgmt/instances/${id}/rpc_ping`, { headers });
    if (status !== 400) throw new Error(`Trove's API says ${status} of a guest that does not answer`);
    return performance.now() - begin;
  };
  return Promise.all(Array.from({ length: REPEATS }, ask));
}
