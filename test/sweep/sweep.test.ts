import { EventEmitter } from 'node:events';
import { expect, jest, test } from '@jest/globals';
import { Inspector } from '../../functions/oslo/inspector.ts';
import { Liveness } from '../../functions/oslo/liveness.ts';
import { RpcRequest } from '../../functions/oslo/message.ts';
import { RpcClient } from '../../functions/oslo/rpc-client.ts';
import { type PingOne, Sweep, type Verdict } from '../../functions/sweep/sweep.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { Interruption } from '../../functions/time/interruption.ts';
import { callTiming } from '../oslo/call-timing.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

/** A channel of a broker that reads nothing. */
class FullChannel extends EventEmitter {
  publish(): boolean {
    return false;
  }

  async close(): Promise<void> {}
}

function transportOf(channel: FullChannel) {
  const liveness = new Liveness();
  const never = () => new Promise<never>(() => undefined);
  const client = new RpcClient(
    { channels: { open: never, openConfirm: never }, openAnotherReplyQueue: never },
    'reply_queue',
    liveness,
  );
  client.publishWith(channel);
  const inspector = new Inspector({ open: never }, { checkQueue: never }, client.replyQueue, liveness);
  return { client, inspector, liveness };
}

const REQUEST = RpcRequest.of({ method: 'rpc_ping', args: {}, version: '1.0', context: {} });

const ping: PingOne = async ({ client }, topic, interruption) => {
  const call = client.call(
    { exchange: 'trove', topic },
    REQUEST,
    callTiming(15_000, { silentAfterMs: 1000 }),
  );
  interruption.onInterrupted((error) => call.reject(error));
  await call.result;
  return { reachable: true, roundTripMs: 0 };
};

test('a sweep over a socket that takes no more ends with its deadline', async () => {
  const sweep = new Sweep(['a', 'b', 'c'], ping, Deadline.in(5000));
  const alive = async () => undefined;
  const end = sweep.run(transportOf(new FullChannel()), alive, new Interruption());
  await pass(5000);
  expect(await end).toEqual({ kind: 'out_of_time' });
  expect(sweep.unreached.size).toBe(3);
});

test('a sweep whose pings do not end does so with its deadline, and what they find later is not counted', async () => {
  const guests = Array.from({ length: 200 }, (_, index) => `${index}`);
  const late = Promise.withResolvers<Verdict>();
  const sweep = new Sweep(guests, () => late.promise, Deadline.in(5000));
  const onEnd = jest.fn();
  sweep.run(transportOf(new FullChannel()), async () => undefined, new Interruption()).then(onEnd);
  await pass(5000);
  expect(onEnd).toHaveBeenCalledWith({ kind: 'out_of_time' });
  late.resolve({ reachable: true, roundTripMs: 5001 });
  await pass(0);
  expect(sweep.unreached.size).toBe(200);
  expect(jest.getTimerCount()).toBe(0);
});
