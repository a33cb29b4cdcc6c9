import { writeFile } from 'node:fs/promises';
import type { Reason } from '../../../functions/guest/reason.ts';
import { type RabbitMq, RabbitMqServer } from '../parts/rabbitmq.ts';
import { TemporaryFolder } from '../parts/temporary-folder.ts';
import type { GuestBehaviour, TroveGuests } from '../parts/trove-guests.ts';
import { makeDownedQueue } from './downed-queue.ts';
import { IntermittentGuest } from './intermittent-guest.ts';

/** One request to try: of a guest in some state, or to a function with some setting wrong. */
export interface Example {
  readonly title: string;
  /** The instance to ping. */
  readonly id: string;
  /** The tenant in the path; each tenant in {@link Demo.misconfigured} has a function of its own. */
  readonly tenant: string;
  /** What is sent as `X-Auth-Token`; undefined: no such header. */
  readonly token?: string;
  /** The answer to expect, in words. */
  readonly answer: string;
}

/** The guests and settings behind `npm start`. */
export interface Demo {
  readonly examples: readonly Example[];
  /** Settings of the function for all tenants. */
  readonly settings: Readonly<Record<string, string>>;
  /** By tenant: settings that differ, and make each ping fail. */
  readonly misconfigured: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Shell commands that raise and clear a memory alarm; undefined where the broker runs in Docker. */
  readonly alarm: { readonly raise: string; readonly clear: string } | undefined;
  end(): Promise<void>;
}

interface DemoGuest {
  readonly title: string;
  readonly answer: string;
  /** undefined: the guest never existed. */
  readonly behaviour?: GuestBehaviour;
  /** The key that the function has for the guest. */
  readonly ourKey?: string;
  readonly isShutDown?: boolean;
}

const KEY = 'a key that only the demo uses';

const MORTAL = {
  title: 'A guest that dies and comes back every few minutes',
  tenant: 'demo',
  answer: '204, or 400 after 1 s: no_consumer',
};

/**
 * Starts real Trove guests, one for each state of a guest.
 *
 * @param rabbit the private broker
 * @param timeouts the configured ones, in seconds
 */
export async function startDemo(
  host: TroveGuests,
  rabbit: RabbitMq,
  controlExchange: string,
  timeouts: { readonly wait: number; readonly grace: number },
): Promise<Demo> {
  const folder = new TemporaryFolder('keys');
  const keys: Record<string, string> = {};
  const examples: Example[] = [];
  for (const [index, guest] of demoGuests(timeouts).entries()) {
    const id = demoId(index + 1);
    const { title, answer, behaviour, ourKey, isShutDown } = guest;
    if (ourKey !== undefined) keys[id] = ourKey;
    if (behaviour) await host.start(id, behaviour);
    if (isShutDown) await host.stop(id);
    examples.push({ title: `A guest that ${title}`, id, tenant: 'demo', answer });
  }
  if (rabbit instanceof RabbitMqServer) {
    const id = demoId(examples.length + 1);
    await makeDownedQueue(rabbit, controlExchange, id);
    const title = 'A guest whose queue is on a broker node that is down';
    examples.push({ title, id, tenant: 'demo', answer: '400 at once: queue_down' });
  }
  const mortalId = demoId(examples.length + 1);
  const mortal = await IntermittentGuest.start(host, mortalId);
  examples.push({ ...MORTAL, id: mortalId });
  const file = folder.file('keys.json');
  await writeFile(file, JSON.stringify(keys));

  const misconfigured = new Map<string, Record<string, string>>();
  for (const { tenant, title, answer, settings } of misconfigurations(rabbit.url)) {
    misconfigured.set(tenant, settings);
    examples.push({ title, id: demoId(1), tenant, answer });
  }
  const watermark = (share: string) => `${rabbit.ctlCommand} set_vm_memory_high_watermark ${share}`;
  const alarm = rabbit.ctlCommand ? { raise: watermark('0.000001'), clear: watermark('0.4') } : undefined;
  const end = async () => {
    await mortal.end();
    await folder.remove();
  };
  return { examples, settings: { GUEST_KEYS_FILE: file }, misconfigured, alarm, end };
}

function demoGuests({ wait, grace }: { wait: number; grace: number }): DemoGuest[] {
  const slow = Math.min(3, wait / 2);
  const becauseOf = (reason: Reason, after: string) => `400 ${after}: ${reason}`;
  return [
    { title: 'answers at once', behaviour: {}, answer: '204' },
    { title: 'encrypts its RPC', behaviour: { key: KEY }, ourKey: KEY, answer: '204' },
    { title: 'takes its time', behaviour: { delay: slow }, answer: `204 after ${slow} s` },
    {
      title: 'is shut down',
      behaviour: {},
      isShutDown: true,
      answer: becauseOf('no_consumer', `after ${Math.min(grace, wait)} s`),
    },
    {
      title: 'is connected but silent',
      behaviour: { delay: 86_400 },
      answer: becauseOf('no_reply', `after ${wait} s`),
    },
    { title: 'never existed', answer: becauseOf('queue_missing', 'at once') },
    {
      title: 'raises an exception',
      behaviour: { raise: 'foreign' },
      answer: becauseOf('guest_error', 'at once'),
    },
    {
      title: 'uses another key than we know',
      behaviour: { key: KEY },
      answer: becauseOf('key_mismatch', 'at once'),
    },
    {
      title: 'answers nonsense',
      behaviour: { answer: 'nonsense' },
      answer: becauseOf('bad_reply', 'at once'),
    },
  ];
}

function misconfigurations(brokerUrl: string) {
  const answer = (reason: Reason) => `400 at once: ${reason}`;
  return [
    {
      tenant: 'lost',
      title: 'A function whose broker is not there',
      answer: answer('broker_unreachable'),
      settings: { BROKER_URL: 'amqp://127.0.0.1:1' },
    },
    {
      tenant: 'refused',
      title: 'A function with a wrong password',
      answer: answer('broker_refused'),
      settings: { BROKER_URL: brokerUrl.replace('guest:guest@', 'guest:wrong@') },
    },
    {
      tenant: 'astray',
      title: 'A function with a wrong control exchange',
      answer: answer('exchange_missing'),
      settings: { CONTROL_EXCHANGE: 'astray' },
    },
  ];
}

function demoId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
