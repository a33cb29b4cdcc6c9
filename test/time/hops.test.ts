import { expect, test } from '@jest/globals';
import { BrokerRefused, BrokerUnreachable } from '../../functions/broker/errors.ts';
import { Hops } from '../../functions/time/hops.ts';

function header(hops: Hops): string | undefined {
  return hops.header['Server-Timing'];
}

test('without hops there is neither header nor field', () => {
  expect([new Hops().header, new Hops().fields]).toEqual([{}, {}]);
});

test('hops are in the order of their ends, to a tenth of a millisecond, and in the log to a microsecond', () => {
  const hops = new Hops();
  hops.add('publish', 0.12345);
  hops.add('rpc', 1.87);
  expect(header(hops)).toBe('publish;dur=0.1, rpc;dur=1.9');
  expect(hops.fields).toEqual({ hops: { publish: 0.123, rpc: 1.87 } });
});

test.each<[unknown, string]>([
  ['queue_missing', 'queue_missing'],
  [new BrokerUnreachable('dns_error'), 'dns_error'],
  [new BrokerRefused('login'), 'broker_refused'],
  [Object.assign(new Error('10.1.2.3: hunter2'), { code: 'ECONNREFUSED' }), 'failed'],
  ['10.1.2.3', 'failed'],
  ['"; x', 'failed'],
])('a hop that failed with %p has the word %s', (failure, word) => {
  const hops = new Hops();
  hops.add('tcp', 1, failure);
  expect(header(hops)).toBe(`tcp;dur=1.0;desc="${word}"`);
  expect(hops.fields).toEqual({ hops: { tcp: 1 }, stopped_at: 'tcp' });
});

test('what explains a failure comes before the hop that failed', () => {
  const hops = new Hops();
  hops.add('tcp', 1, 'connection_refused');
  hops.addBeforeLast('describe_broker', 20);
  expect(header(hops)).toBe('describe_broker;dur=20.0, tcp;dur=1.0;desc="connection_refused"');
});

test('a hop that has not ended is unfinished, one that was dropped is none', () => {
  const hops = new Hops();
  hops.begin('dns');
  hops.begin('tcp');
  expect(header(hops)).toMatch(/^dns;dur=\d+\.\d, tcp;dur=\d+\.\d;desc="unfinished"$/);
  hops.drop();
  expect(header(hops)).toMatch(/^dns;dur=\d+\.\d$/);
});

test('a timed hop is unfinished until its promise has settled', async () => {
  const hops = new Hops();
  const { promise, reject } = Promise.withResolvers<never>();
  const timed = hops.time('key', promise);
  expect(header(hops)).toMatch(/^key;dur=\d+\.\d;desc="unfinished"$/);
  reject(new BrokerRefused('login'));
  await expect(timed).rejects.toThrow(BrokerRefused);
  expect(header(hops)).toMatch(/^key;dur=\d+\.\d;desc="broker_refused"$/);
});

test("what several wait for is in the hops of each, once, with init's prefix where init began it", () => {
  const [dial, init, hops] = [new Hops(), new Hops('init_'), new Hops()];
  init.append(dial);
  hops.append(init);
  hops.append(dial);
  dial.add('tcp', 1);
  hops.add('rpc', 2);
  expect(header(hops)).toBe('init_tcp;dur=1.0, rpc;dur=2.0');
});

test('a hop that was made twice is in the log with its sum', () => {
  const hops = new Hops();
  hops.add('tcp', 1, 'connection_timeout');
  hops.add('tcp', 2);
  expect(hops.fields).toEqual({ hops: { tcp: 3 } });
});

test('however many hops there are, the header has less than 2 kB, and the last hop', () => {
  const hops = new Hops('init_');
  for (let count = 0; count < 1000; count++) hops.add('describe_broker', 1e9, 'destination_ip_unroutable');
  hops.add('rpc', 1, 'no_reply');
  expect(header(hops)?.length).toBeLessThan(2048);
  expect(header(hops)).toMatch(/, init_rpc;dur=1\.0;desc="no_reply"$/);
});
