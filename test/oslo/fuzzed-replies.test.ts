import { EventEmitter } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliCompressSync, deflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { Liveness } from '../../functions/oslo/liveness.ts';
import { RpcRequest } from '../../functions/oslo/message.ts';
import { RpcClient } from '../../functions/oslo/rpc-client.ts';
import { encodeReply } from '../setup/responder.ts';
import { callTiming } from './call-timing.ts';

/** 200,000 on demand, of which a few seconds' worth are enough each time. */
const REPLIES = Number(process.env['FUZZED_REPLIES'] ?? 20_000);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** In bytes, of what is still referred to. */
function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

class Channel extends EventEmitter {
  readonly msgIds: string[] = [];
  publish(_exchange: string, _key: string, body: Buffer): boolean {
    this.msgIds.push(JSON.parse(JSON.parse(body.toString())['oslo.message'])._msg_id);
    return true;
  }
  close = async () => undefined;
}

/** A generator of numbers below `n` that gives the same ones in each run (mulberry32). */
function seeded(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

test('fuzzed replies settle no call, and leave the memory flat', async () => {
  const channel = new Channel();
  const open = async () => channel;
  const openAnotherReplyQueue = async () => () => undefined;
  const client = new RpcClient(
    { channels: { open, openConfirm: open }, openAnotherReplyQueue },
    'reply_queue',
    new Liveness(),
  );
  client.publishWith(channel);
  const request = RpcRequest.of({ method: 'rpc_ping', args: {}, version: '1.0', context: {} });
  const settled: unknown[] = [];
  const calls = Array.from({ length: 10 }, () =>
    client.call({ exchange: 'trove', topic: 'x' }, request, callTiming(600_000, { silentAfterMs: 600_000 })),
  );
  for (const { result } of calls)
    result.then(
      (value) => settled.push(value),
      (error) => settled.push(error),
    );
  const random = seeded(1);
  const valid = Buffer.from(encodeReply('f'.repeat(32)));
  const bodies = [valid, deflateSync(valid), brotliCompressSync(valid), deflateSync(Buffer.alloc(1_000_000))];
  const compressions = [
    'application/x-gzip',
    'application/x-brotli',
    'application/x-bz2',
    '__proto__',
    7,
    undefined,
  ];
  const heapAfter: number[] = [];
  for (let sent = 0; sent < REPLIES; sent++) {
    const content = Buffer.from(bodies[random(sent % 100 === 0 ? 4 : 3)] ?? valid);
    for (let times = random(4); times > 0; times--) content[random(content.length)] = random(256);
    const end = random(4) === 0 ? random(content.length) : content.length;
    const compression = random(3) === 0 ? compressions[random(compressions.length)] : undefined;
    const headers = { compression, 'x-cut-from-bytes': random(50) === 0 ? random(9) : undefined };
    client.onReply({ content: content.subarray(0, end), properties: random(9) === 0 ? {} : { headers } });
    if (sent % (REPLIES / 2) === REPLIES / 2 - 1) heapAfter.push(heapUsed());
    if (sent % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(settled).toEqual([]);
  const [half = 0, all = 0] = heapAfter;
  expect(all - half).toBeLessThan(5 * 1024 * 1024);
  client.onReply({ content: Buffer.from(encodeReply(channel.msgIds[0] ?? '')), properties: {} });
  await calls[0]?.result;
  expect(settled).toEqual([true]);
  for (const call of calls) call.reject(new Error('over'));
}, 60_000);
