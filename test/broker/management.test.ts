import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { fixedLocator } from '../../functions/broker/locator.ts';
import { ManagementApi } from '../../functions/broker/management.ts';
import { Deadline } from '../../functions/time/deadline.ts';

const stack = new AsyncDisposableStack();
afterEach(() => stack.disposeAsync());

test('a quorum queue without a leader, of which RabbitMQ 3.10 names no node, costs no other queue its node', async () => {
  const queues = [
    { name: 'a', node: 'rabbit@one', state: 'down', type: 'classic' },
    { name: 'b', type: 'quorum' },
  ];
  const server = createServer((_request, response) => response.end(JSON.stringify(queues)));
  stack.defer(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const login = { username: 'guest', password: 'guest' };
  const broker = { protocol: 'amqp', hostname: '127.0.0.1', port: 1, vhost: '/', ...login } as const;
  const api = new ManagementApi(url, fixedLocator(broker));
  expect(await api.queueNodes(Deadline.in(5000))).toEqual([['a', 'rabbit@one']]);
});
