import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Options } from 'amqplib';
import { Liveness } from '../../functions/oslo/liveness.ts';
import { RpcRequest } from '../../functions/oslo/message.ts';
import type { ConfirmingChannel } from '../../functions/oslo/publisher.ts';
import { RpcClient } from '../../functions/oslo/rpc-client.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';
import { encodeReply } from '../setup/responder.ts';
import { callTiming } from './call-timing.ts';

useFakeClock();

const TARGET = { exchange: 'trove', topic: 'guestagent.x' };
const REQUEST = RpcRequest.of({ method: 'rpc_ping', args: {}, version: '1.0', context: {} });

interface Published {
  readonly msgId: string;
  readonly uniqueId: string;
  readonly expiration: unknown;
  /** The broker's answer: null confirms, an error is a `basic.nack`. */
  readonly confirm: (refused: Error | null) => void;
}

/** A channel on which the test is the broker. */
class Channel extends EventEmitter implements ConfirmingChannel {
  readonly published: Published[] = [];
  isWritable = true;

  publish(
    _exchange: string,
    _key: string,
    body: Buffer,
    options: Options.Publish = {},
    onConfirm: (refused: Error | null, ok: object) => void = () => undefined,
  ): boolean {
    const { _msg_id: msgId, _unique_id: uniqueId } = JSON.parse(JSON.parse(body.toString())['oslo.message']);
    const { expiration } = options;
    this.published.push({ msgId, uniqueId, expiration, confirm: (refused) => onConfirm(refused, {}) });
    return this.isWritable;
  }

  readonly close = jest.fn(async () => undefined);

  /** Closes the channel as amqplib does: the error first, then what is unconfirmed, then the close. */
  refuse(code: number, text: string): void {
    this.emit(
      'error',
      Object.assign(new Error(`Channel closed by server: ${code} with message "${text}"`), { code }),
    );
    for (const { confirm } of this.published) confirm(new Error('channel closed'));
    this.emit('close');
  }
}

/** The channel of requests without a confirm. */
let unconfirmed: Channel;
let channel: Channel;
/** The channels of single requests. */
let own: Channel;
let client: RpcClient;
let liveness: Liveness;

beforeEach(async () => {
  unconfirmed = new Channel();
  channel = new Channel();
  own = new Channel();
  liveness = new Liveness();
  const confirming = [channel];
  client = clientOver(async () => confirming.pop() ?? own);
  await openConfirming();
});

function clientOver(openConfirm: () => Promise<Channel>): RpcClient {
  const open = async () => {
    unconfirmed = new Channel();
    return unconfirmed;
  };
  const openAnotherReplyQueue = async () => () => undefined;
  const channels = { channels: { open, openConfirm }, openAnotherReplyQueue };
  const over = new RpcClient(channels, 'reply_queue', liveness);
  over.publishWith(unconfirmed);
  return over;
}

/** The first call to be confirmed opens that channel. */
async function openConfirming(): Promise<void> {
  const { result } = client.call(TARGET, REQUEST, callTiming(1000));
  await pass(0);
  const [first] = channel.published.splice(0);
  first?.confirm(null);
  reply(first?.msgId ?? '');
  await result;
  await pass(1); // what came for this call is no sign of life for the next one
}

/** Begins a call. @returns a mock that is called with the call's result or error, and the published message */
function call(timeoutMs: number, signOfLifeMs = Number.POSITIVE_INFINITY) {
  const outcome = jest.fn();
  client.call(TARGET, REQUEST, callTiming(timeoutMs, { signOfLifeMs })).result.then(outcome, outcome);
  const published = channel.published.at(-1);
  if (published === undefined) throw new Error('Nothing was published');
  return { outcome, ...published };
}

function reply(msgId: string, fields?: object): void {
  client.onReply({ content: Buffer.from(encodeReply(msgId, fields)), properties: {} });
}

describe('a call', () => {
  test('a call without a reply times out at its deadline, and not before', async () => {
    const { outcome, confirm } = call(15_000);
    confirm(null);
    await pass(14_999);
    expect(outcome).not.toHaveBeenCalled();
    await pass(1);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ name: 'MessagingTimeout' }));
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a call that the broker never confirms fails at its deadline as unconfirmed, not as a time-out', async () => {
    const { outcome } = call(15_000);
    await pass(15_000);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'unconfirmed' }));
  });

  test('a call that another request holds up is sent once more on a channel of its own, and answered there', async () => {
    const head = call(15_000);
    await pass(100);
    const behind = call(15_000);
    liveness.seen();
    await pass(1000);
    const again = own.published.at(-1);
    again?.confirm(null);
    await pass(13_900);
    expect(head.outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'withheld' }));
    expect(behind.outcome).not.toHaveBeenCalled();
    reply(again?.msgId ?? '');
    await pass(0);
    expect(behind.outcome).toHaveBeenCalledWith(true);
    expect(own.close).toHaveBeenCalled();
  });

  test('a call that the broker does not take is sent for the last time when two thirds of its time are over', async () => {
    const { outcome } = call(15_000);
    await pass(9999);
    expect(own.published).toHaveLength(1);
    await pass(1);
    expect(own.published).toHaveLength(2);
    own.published.at(-1)?.confirm(null);
    reply(own.published.at(-1)?.msgId ?? '');
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(true);
    expect(own.close).toHaveBeenCalledTimes(2);
  });

  test('a call that the broker has taken is not sent again', async () => {
    const { confirm } = call(15_000);
    confirm(null);
    await pass(14_000);
    expect(channel.published).toHaveLength(1);
    expect(own.published).toEqual([]);
  });

  test('a call begun while a request holds up the channel goes to a channel of its own at once', async () => {
    call(2000);
    liveness.seen();
    await pass(5000);
    const before = channel.published.length;
    const outcome = client.call(TARGET, REQUEST, callTiming(1000)).result;
    await pass(0);
    expect(channel.published).toHaveLength(before);
    reply(own.published.at(-1)?.msgId ?? '');
    await expect(outcome).resolves.toBe(true);
  });

  test('a call is sent on the common channel again when what held up that channel is answered', async () => {
    const head = call(2000);
    liveness.seen();
    await pass(5000);
    head.confirm(new Error('nack'));
    const { msgId } = call(1000);
    expect(channel.published.at(-1)?.msgId).toBe(msgId);
  });

  test('a call that is not confirmed by its deadline, while the broker gives signs of life, is withheld', async () => {
    const { outcome } = call(15_000, 1000);
    await pass(250);
    liveness.seen();
    await pass(14_749);
    expect(outcome).not.toHaveBeenCalled();
    await pass(1);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'withheld' }));
  });

  test('a call of which the neighbour is confirmed is not lost with the connection', async () => {
    const { outcome } = call(15_000, 1000);
    const neighbour = call(15_000);
    await pass(500);
    neighbour.confirm(null);
    await pass(1000);
    expect(outcome).not.toHaveBeenCalled();
  });

  test('a call for which proof of life was asked is lost as soon as that proof does not come', async () => {
    const { outcome } = call(15_000, 1000);
    await pass(1000);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'unconfirmed' }));
  });

  test('a call that the broker confirmed in time goes on to wait for its reply', async () => {
    const { outcome, confirm, msgId } = call(15_000, 1000);
    await pass(500);
    confirm(null);
    await pass(10_000);
    expect(outcome).not.toHaveBeenCalled();
    reply(msgId);
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(true);
  });

  test('a call whose reply has arrived by its deadline returns it, even after the process was stopped', async () => {
    const { outcome, msgId } = call(15_000);
    jest.advanceTimersByTime(15_000); // the timer has fired, but packets that have arrived are read first
    reply(msgId);
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(true);
  });

  test('a call that the broker refuses fails at once, and leaves no timer', async () => {
    const { outcome, confirm } = call(15_000);
    confirm(new Error('nack'));
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'nacked' }));
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a call to a missing exchange is refused, and so are those beside it', async () => {
    const calls = [call(15_000), call(15_000)];
    channel.refuse(404, "NOT_FOUND - no exchange 'trove'");
    await pass(0);
    for (const { outcome } of calls)
      expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'refused', replyCode: 404 }));
  });

  test('a call beside one whose topic is refused is sent again on a channel of its own', async () => {
    const { outcome } = call(15_000);
    channel.refuse(403, "ACCESS_REFUSED - access to topic 'guestagent.other' in exchange 'trove'");
    await pass(0);
    expect(outcome).not.toHaveBeenCalled();
    own.published[0]?.confirm(null);
    reply(own.published[0]?.msgId ?? '');
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(true);
  });

  test('a call whose topic is refused fails', async () => {
    const { outcome } = call(15_000);
    channel.refuse(403, "ACCESS_REFUSED - access to topic 'guestagent.x' in exchange 'trove'");
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'refused', isOfExchange: false }));
  });

  test('a call that is refused on a channel of its own as well fails', async () => {
    const { outcome } = call(15_000);
    channel.refuse(406, 'PRECONDITION_FAILED');
    await pass(0);
    own.refuse(406, 'PRECONDITION_FAILED');
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'refused', replyCode: 406 }));
  });

  test('a call that is rejected by whoever made it fails at once, and leaves no timer', async () => {
    const inVain = client.call(TARGET, REQUEST, callTiming(15_000));
    inVain.reject(new Error('nobody listens'));
    await expect(inVain.result).rejects.toThrow('nobody listens');
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a request expires at the deadline of its call, rounded up to whole milliseconds', () => {
    expect(call(250.4).expiration).toBe('251');
  });

  test('a call returns its own reply, among others in flight and after a heartbeat', async () => {
    const [first, second] = [call(15_000), call(15_000)];
    reply(second.msgId, { result: null, ending: false });
    reply(second.msgId, { result: 'second' });
    reply(first.msgId, { result: 'first' });
    await pass(0);
    expect(first.outcome).toHaveBeenCalledWith('first');
    expect(second.outcome).toHaveBeenCalledWith('second');
  });
});

describe('a call whose request is sent without a confirm at first', () => {
  /** Begins such a call. @returns a mock that is called with the call's result or error */
  function callAtFirstUnconfirmed(timeoutMs: number, signOfLifeMs = Number.POSITIVE_INFINITY) {
    const outcome = jest.fn();
    client
      .call(TARGET, REQUEST, callTiming(timeoutMs, { silentAfterMs: 100, signOfLifeMs }))
      .result.then(outcome, outcome);
    return outcome;
  }

  test('a call on a channel that has closed fails, and leaves no timer', async () => {
    unconfirmed.publish = () => {
      throw new Error('Channel closed');
    };
    const outcome = callAtFirstUnconfirmed(15_000);
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'closed' }));
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a call that is not answered within its time without a confirm is sent once more, to be confirmed', async () => {
    const outcome = callAtFirstUnconfirmed(15_000);
    await pass(99);
    expect(channel.published).toEqual([]);
    await pass(1);
    const [first, again] = [...unconfirmed.published, ...channel.published];
    expect(again?.msgId).not.toBe(first?.msgId); // so that it is known which of them is answered
    expect(again?.uniqueId).not.toBe(first?.uniqueId); // a server drops what repeats one
    expect([first?.expiration, again?.expiration]).toEqual(['15000', '14900']);
    again?.confirm(null);
    await pass(14_899);
    expect(outcome).not.toHaveBeenCalled();
    await pass(1);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ name: 'MessagingTimeout' }));
    expect([unconfirmed, channel, own].map(({ published }) => published.length)).toEqual([1, 1, 0]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a call tells of its silence when its time without a confirm is over, and at once without such a time', async () => {
    const onSilence = jest.fn();
    const timing = callTiming(15_000, { silentAfterMs: 100 });
    const silent = client.call(TARGET, REQUEST, timing, onSilence);
    client.call(TARGET, REQUEST, timing, onSilence);
    reply(unconfirmed.published[1]?.msgId ?? '');
    await pass(99);
    expect(onSilence).not.toHaveBeenCalled();
    await pass(1);
    expect(onSilence.mock.calls).toEqual([[silent]]);
    const atOnce = client.call(TARGET, REQUEST, callTiming(15_000), onSilence);
    expect(onSilence).toHaveBeenLastCalledWith(atOnce);
  });

  test('a call that the broker refuses when it is sent once more fails with that refusal', async () => {
    const outcome = callAtFirstUnconfirmed(15_000);
    await pass(100);
    channel.published[0]?.confirm(new Error('nack'));
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'nacked' }));
  });

  test('a call for which proof of life was asked is lost when none comes in the time since it was first sent', async () => {
    const outcome = callAtFirstUnconfirmed(15_000, 1000);
    await pass(999);
    expect(outcome).not.toHaveBeenCalled();
    await pass(1);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'unconfirmed' }));
  });

  test('a call that stays unconfirmed is sent on a channel of its own a second later, and answered there', async () => {
    const outcome = callAtFirstUnconfirmed(15_000);
    await pass(1099);
    expect(own.published).toEqual([]);
    await pass(1);
    expect(own.published[0]?.expiration).toBe('13900');
    reply(own.published[0]?.msgId ?? '');
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(true);
  });

  test('a call for whose confirm no channel can be opened fails as closed', async () => {
    const openConfirm = async () => {
      throw new Error('Connection closed');
    };
    client = clientOver(openConfirm);
    const outcome = callAtFirstUnconfirmed(15_000);
    await pass(100);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'closed' }));
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a call begun while a request holds up the confirming channel goes to a channel of its own at once', async () => {
    call(15_000);
    await pass(1000);
    callAtFirstUnconfirmed(15_000);
    await pass(0);
    expect(unconfirmed.published).toEqual([]);
    expect(own.published).toHaveLength(2); // what holds up the channel is sent once more itself
  });

  test('a call that is answered at once has no confirm, and leaves no timer', async () => {
    const outcome = callAtFirstUnconfirmed(15_000);
    reply(unconfirmed.published[0]?.msgId ?? '');
    await pass(200);
    expect(outcome).toHaveBeenCalledWith(true);
    expect(channel.published).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the client', () => {
  test('a client that has ended fails all calls, those in flight and later ones', async () => {
    const { outcome } = call(15_000);
    client.onEnd('the channel closed');
    await pass(0);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'closed' }));
    await expect(client.call(TARGET, REQUEST, callTiming(15_000)).result).rejects.toMatchObject({
      how: 'closed',
    });
  });

  test('a client does not parse replies that name no call in flight', async () => {
    const parse = jest.spyOn(JSON, 'parse');
    reply('0'.repeat(32));
    expect(parse).not.toHaveBeenCalled();
  });

  test('a client whose socket is full is not writable until the socket has drained', async () => {
    channel.isWritable = false;
    call(15_000);
    const onWritable = jest.fn();
    client.writable().then(onWritable);
    await pass(1000);
    expect(onWritable).not.toHaveBeenCalled();
    channel.emit('drain');
    await pass(0);
    expect(onWritable).toHaveBeenCalled();
  });
});
