import { randomUUID } from 'node:crypto';
import type { Channel } from 'amqplib';
import { CROWD_QUEUE_OPTIONS, EXCHANGE_OPTIONS } from './guest-queues.ts';
import { encodeReply } from './responder.ts';

/** The reasons for which a guest itself is unreachable, worst first. */
export const GUEST_REASONS = [
  'queue_missing',
  'no_consumer',
  'no_reply',
  'guest_error',
  'key_mismatch',
  'bad_reply',
] as const;

/** How a guest of the fleet behaves, named by the reason that its ping must give. */
export type Behaviour = 'reachable' | (typeof GUEST_REASONS)[number];

/** The fields of a reply by behaviour; none: no reply. */
const REPLIES: Partial<Record<Behaviour, object>> = {
  reachable: {},
  guest_error: { result: null, failure: failure('ValueError', 'boom') },
  key_mismatch: { result: null, failure: failure('KeyError', "'context'") },
  bad_reply: { result: 'nonsense' },
};

/** Any number of responders on one channel: the server's side of oslo.messaging. */
export class ResponderFleet {
  /** Each guest's behaviour. */
  readonly guests = new Map<string, Behaviour>();
  /** Called with each request, before its answer is sent. */
  onRequest: (instanceId: string) => void = () => undefined;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Adds `count` guests, and waits until their queues are declared, bound and consumed. @returns their ids */
  async add(behaviour: Behaviour, count: number): Promise<string[]> {
    await this.#channel.assertExchange('trove', 'topic', EXCHANGE_OPTIONS);
    const ids = Array.from({ length: count }, () => randomUUID());
    const left = ids.values();
    const addInTurn = async () => {
      for (const id of left) await this.#addOne(id, behaviour);
    };
    await Promise.all(Array.from({ length: 32 }, addInTurn));
    return ids;
  }

  async #addOne(id: string, behaviour: Behaviour): Promise<void> {
    this.guests.set(id, behaviour);
    const queue = `guestagent.${id}`;
    const waits: Promise<unknown>[] = [this.#channel.assertQueue(queue, CROWD_QUEUE_OPTIONS)];
    if (behaviour !== 'queue_missing') waits.push(this.#channel.bindQueue(queue, 'trove', queue));
    if (behaviour !== 'queue_missing' && behaviour !== 'no_consumer')
      waits.push(
        this.#channel.consume(queue, (message) => message && this.#answer(id, message.content), {
          noAck: true,
        }),
      );
    await Promise.all(waits);
  }

  #answer(id: string, content: Buffer): void {
    this.onRequest(id);
    const fields = REPLIES[this.guests.get(id) ?? 'no_reply'];
    const request = JSON.parse(JSON.parse(content.toString())['oslo.message']);
    if (fields)
      this.#channel.sendToQueue(request._reply_q, Buffer.from(encodeReply(request._msg_id, fields)));
  }
}

function failure(className: string, message: string): string {
  return JSON.stringify({
    class: className,
    module: 'builtins',
    message,
    tb: ['Traceback …'],
    args: [],
    kwargs: {},
  });
}
