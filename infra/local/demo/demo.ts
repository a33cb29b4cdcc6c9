import { writeFile } from 'node:fs/promises';
import type { Reason } from '../../../functions/guest/reason.ts';
import type { Config } from '../../../functions/settings/config.ts';
import type { FunctionSettings } from '../parts/function-settings.ts';
import { type RabbitMq, RabbitMqServer } from '../parts/rabbitmq.ts';
import { TemporaryFolder } from '../parts/temporary-folder.ts';
import type { GuestBehaviour, TroveGuests } from '../parts/trove-guests.ts';
import { makeDownedQueue } from './downed-queue.ts';
import { startIntermittentGuest } from './intermittent-guest.ts';

/** How often the demo's fleet is swept. */
export const DEMO_RATE_MINUTES = 0.5;

/** An instance to ping, and the answer to expect, in words. */
export interface Example {
  readonly title: string;
  readonly id: string;
  readonly answer: string;
}

/** The guests behind `npm start`. */
export interface Demo {
  readonly examples: readonly Example[];
  /** What their agents log: each ping with its request id. */
  readonly logFile: string;
  /** What the functions must know of them. */
  readonly settings: FunctionSettings;
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
const SILENT: GuestBehaviour = { delay: 86_400 };

/** Starts real Trove guests on the private broker, one for each state of a guest. @param running gets what is to be ended */
export async function startDemo(
  host: TroveGuests,
  rabbit: RabbitMq,
  config: Config,
  running: AsyncDisposableStack,
): Promise<Demo> {
  const keys: Record<string, string> = {};
  const examples: Example[] = [];
  const add = (title: string, answer: string) => {
    const id = demoId(examples.length + 1);
    examples.push({ title: `A guest ${title}`, id, answer });
    return id;
  };
  for (const { title, answer, behaviour, ourKey, isShutDown } of demoGuests(config)) {
    const id = add(`that ${title}`, answer);
    if (ourKey !== undefined) keys[id] = ourKey;
    if (behaviour) await host.start(id, behaviour);
    if (isShutDown) await host.stop(id);
  }
  if (rabbit instanceof RabbitMqServer) {
    const id = add('whose queue is on a broker node that is down', fails('queue_down', 'at once'));
    await makeDownedQueue(rabbit, config.controlExchange, id);
  }
  const id = add(
    'whose agent stops and starts again every few minutes',
    '204, or 400 within 1 s: no_consumer',
  );
  running.defer(await startIntermittentGuest(host, id));
  const folder = new TemporaryFolder('keys');
  running.defer(() => folder.remove());
  const file = folder.file('keys.json');
  await writeFile(file, JSON.stringify(keys));
  return { examples, logFile: host.logFile, settings: { GUEST_KEYS_FILE: file } };
}

function demoGuests({ rpcTimeoutMs, noConsumerGraceMs }: Config): DemoGuest[] {
  const wait = rpcTimeoutMs / 1000;
  const grace = Math.min(noConsumerGraceMs / 1000, wait);
  const slow = Math.min(3, wait / 2);
  return [
    { title: 'answers at once', behaviour: {}, answer: '204' },
    { title: 'encrypts its RPC', behaviour: { key: KEY }, ourKey: KEY, answer: '204' },
    { title: 'answers slowly', behaviour: { delay: slow }, answer: `204 after ${slow} s` },
    {
      title: 'is shut down',
      behaviour: {},
      isShutDown: true,
      answer: fails('no_consumer', `after ${grace} s`),
    },
    { title: 'is connected but silent', behaviour: SILENT, answer: fails('no_reply', `after ${wait} s`) },
    { title: 'never existed', answer: fails('queue_missing', 'at once') },
    {
      title: 'raises an exception',
      behaviour: { raise: 'foreign' },
      answer: fails('guest_error', 'at once'),
    },
    { title: 'encrypts with another key', behaviour: { key: KEY }, answer: fails('key_mismatch', 'at once') },
    { title: 'answers nonsense', behaviour: { answer: 'nonsense' }, answer: fails('bad_reply', 'at once') },
  ];
}

function fails(reason: Reason, after: string): string {
  return `400 ${after}: ${reason}`;
}

function demoId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
