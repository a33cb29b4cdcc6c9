import { EventEmitter } from 'node:events';
import { describe, expect, jest, test } from '@jest/globals';
import { parseEndpoint } from '../../functions/broker/address.ts';
import { BlockedState } from '../../functions/broker/blocked-state.ts';
import { Broker } from '../../functions/broker/broker.ts';
import type { BrokerConnection } from '../../functions/broker/connection.ts';
import { type BrokerFailure, BrokerRefused, BrokerUnreachable } from '../../functions/broker/errors.ts';
import type { BrokerLocator, FoundBroker } from '../../functions/broker/locator.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

/** Thrown by the work of these tests when its connection was lost. */
class Lost extends Error {}

/** A connection whose session is its number. */
class FakeConnection implements BrokerConnection<number> {
  readonly session: number;
  readonly events = new EventEmitter();
  readonly blocked = new BlockedState(this.events);
  closedBy: BrokerFailure | undefined;
  isAlive = true;

  constructor(session: number) {
    this.session = session;
  }

  isUsable(): boolean {
    return this.isAlive;
  }

  destroy(): void {
    this.isAlive = false;
  }
}

const loginOf = async (username: string) => ({ username, password: 'pw' });

const REFUSED_LOGIN = new BrokerRefused('login');

interface World {
  /** The outcomes of the first dials, in turn; each later dial gives a connection. */
  readonly dials?: (Error | Promise<FakeConnection> | 'hangs')[];
  readonly locator?: Partial<BrokerLocator>;
}

/** A broker whose network is the test. */
function brokerOn({ dials = [], locator = {} }: World) {
  const endpoint = parseEndpoint('amqp://host');
  if (endpoint === undefined) throw new Error('No endpoint');
  const connections: FakeConnection[] = [];
  const dialled: FoundBroker[] = [];
  const connect = async (to: FoundBroker): Promise<FakeConnection> => {
    dialled.push(to);
    const outcome = dials.shift();
    if (outcome === 'hangs') return Promise.withResolvers<FakeConnection>().promise;
    if (outcome instanceof Error) throw outcome;
    if (outcome !== undefined) return outcome;
    const connection = new FakeConnection(connections.length + 1);
    connections.push(connection);
    return connection;
  };
  const broker = new Broker<number>({
    locator: {
      find: async () => ({ ...endpoint, vhost: '/', login: loginOf('first') }),
      renewed: async () => undefined,
      state: async () => undefined,
      ...locator,
    },
    connect,
    loss: (error) => (error instanceof Lost ? 'connection_terminated' : undefined),
  });
  return { broker, connections, dialled };
}

const deadline = () => Deadline.in(15_000);
const session = async (number: number) => number;

describe('a dial', () => {
  test('a dial that is swallowed is repeated once, since another node may answer', async () => {
    const swallowed = new BrokerUnreachable('connection_timeout');
    const { broker, dialled } = brokerOn({ dials: [swallowed] });
    await expect(broker.use(deadline(), session)).resolves.toBe(1);
    expect(dialled).toHaveLength(2);
  });

  test('a dial that is swallowed twice is not tried a third time', async () => {
    const swallowed = new BrokerUnreachable('connection_timeout');
    const { broker, dialled } = brokerOn({ dials: [swallowed, swallowed] });
    await expect(broker.use(deadline(), session)).rejects.toBe(swallowed);
    expect(dialled).toHaveLength(2);
  });

  test('a dial that fails is not repeated for the same work, and is for the next one', async () => {
    const { broker, dialled } = brokerOn({ dials: [new BrokerUnreachable('connection_refused')] });
    await expect(broker.use(deadline(), session)).rejects.toMatchObject({ how: 'connection_refused' });
    expect(dialled).toHaveLength(1);
    await expect(broker.use(deadline(), session)).resolves.toBe(1);
  });

  test('a dial that hangs ends at the deadline of the work', async () => {
    const { broker } = brokerOn({ dials: ['hangs'] });
    const outcome = jest.fn();
    broker.use(Deadline.in(300), session).catch(outcome);
    await pass(300);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'connection_timeout' }));
  });

  test('a refused dial ahead of the first use ends the wait for it at once', async () => {
    const { broker } = brokerOn({ dials: [new BrokerUnreachable('connection_refused')] });
    await expect(broker.connectAhead(Deadline.in(1000))).resolves.toBeUndefined();
  });

  test('the wait for a silent dial ahead of the first use ends at the deadline', async () => {
    const { broker } = brokerOn({ dials: ['hangs'] });
    const outcome = jest.fn();
    broker.connectAhead(Deadline.in(1000)).then(outcome);
    await pass(999);
    expect(outcome).not.toHaveBeenCalled();
    await pass(1);
    expect(outcome).toHaveBeenCalled();
  });

  test('a dial ahead of the first use that took longer than the wait is used all the same', async () => {
    const connecting = Promise.withResolvers<FakeConnection>();
    const { broker, dialled } = brokerOn({ dials: [connecting.promise] });
    const begun = broker.connectAhead(Deadline.in(1000));
    await pass(1000);
    await begun;
    const used = broker.use(deadline(), session);
    connecting.resolve(new FakeConnection(7));
    await expect(used).resolves.toBe(7);
    expect(dialled).toHaveLength(1);
  });

  test('the first use of a connection that was made ahead counts as a reuse', async () => {
    const { broker } = brokerOn({});
    await broker.connectAhead(Deadline.in(1000));
    const isReused = broker.use(deadline(), async (_session, circumstances) => circumstances.isReused);
    await expect(isReused).resolves.toBe(true);
  });

  test('a dial that was begun ahead and failed is repeated at the first use', async () => {
    const { broker } = brokerOn({ dials: [new BrokerUnreachable('dns_error')] });
    broker.connectAhead(Deadline.never);
    await expect(broker.use(deadline(), session)).resolves.toBe(1);
  });

  test('a dial is shared by all uses that wait for it', async () => {
    const { broker, dialled } = brokerOn({});
    broker.connectAhead(Deadline.never);
    const uses = Array.from({ length: 10 }, () => broker.use(deadline(), session));
    await expect(Promise.all(uses)).resolves.toEqual(Array(10).fill(1));
    expect(dialled).toHaveLength(1);
  });

  test('a dial whose login is refused is repeated once, with the renewed login', async () => {
    const renewed = async (refused: FoundBroker) => ({ ...refused, login: loginOf('second') });
    const { broker, dialled } = brokerOn({ dials: [REFUSED_LOGIN], locator: { renewed } });
    await expect(broker.use(deadline(), session)).resolves.toBe(1);
    const logins = await Promise.all(dialled.map(({ login }) => login));
    expect(logins.map(({ username }) => username)).toEqual(['first', 'second']);
  });

  test('a dial whose login is refused is not repeated when there is no new login', async () => {
    const { broker, dialled } = brokerOn({ dials: [REFUSED_LOGIN] });
    await expect(broker.use(deadline(), session)).rejects.toBe(REFUSED_LOGIN);
    expect(dialled).toHaveLength(1);
  });

  test("a dial that fails for good has Amazon MQ's state of the broker in its error", async () => {
    const { broker } = brokerOn({
      dials: [new BrokerUnreachable('connection_refused')],
      locator: { state: async () => 'REBOOT_IN_PROGRESS' },
    });
    await expect(broker.use(deadline(), session)).rejects.toThrow('Amazon MQ says REBOOT_IN_PROGRESS');
  });
});

describe('work', () => {
  test('work whose connection is lost is begun once more on a new one, and the old one is destroyed', async () => {
    const { broker, connections } = brokerOn({});
    const work = jest.fn(async (number: number) => {
      if (number === 1) throw new Lost();
      return number;
    });
    await expect(broker.use(deadline(), work)).resolves.toBe(2);
    expect(connections.map(({ isAlive }) => isAlive)).toEqual([false, true]);
  });

  test('work whose second connection is lost as well ends as broker_unreachable', async () => {
    const { broker, dialled } = brokerOn({});
    const work = async () => {
      throw new Lost();
    };
    await expect(broker.use(deadline(), work)).rejects.toMatchObject({ code: 'broker_unreachable' });
    expect(dialled).toHaveLength(2);
  });

  test('work whose connection is lost at its deadline is not begun once more', async () => {
    const { broker, dialled } = brokerOn({});
    const outcome = jest.fn();
    const work = async () => {
      await pass(300);
      throw new Lost();
    };
    await broker.use(Deadline.in(300), work).catch(outcome);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ how: 'connection_terminated' }));
    expect(dialled).toHaveLength(1);
  });

  test('work whose connection looks lost while the broker blocks publishing ends as broker_blocked', async () => {
    const { broker, connections } = brokerOn({});
    await broker.use(deadline(), session);
    const work = async () => {
      connections[0]?.events.emit('blocked');
      throw new Lost();
    };
    await expect(broker.use(deadline(), work)).rejects.toMatchObject({ code: 'broker_blocked' });
    expect(connections).toMatchObject([{ isAlive: true }]);
  });

  test('work that throws any other error fails with that, and keeps the connection', async () => {
    const { broker, dialled } = brokerOn({});
    const work = async () => {
      throw new TypeError('a bug');
    };
    await expect(broker.use(deadline(), work)).rejects.toThrow(TypeError);
    await expect(broker.use(deadline(), session)).resolves.toBe(1);
    expect(dialled).toHaveLength(1);
  });

  test('work is passed isReused: false on a new connection, and true on a reused one', async () => {
    const { broker, connections } = brokerOn({});
    const circumstances = async (_: number, { isReused }: { isReused: boolean }) => isReused;
    await expect(broker.use(deadline(), circumstances)).resolves.toBe(false);
    await expect(broker.use(deadline(), circumstances)).resolves.toBe(true);
    connections[0]?.destroy();
    await expect(broker.use(deadline(), circumstances)).resolves.toBe(false);
  });
});
