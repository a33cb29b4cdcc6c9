import { randomBytes } from 'node:crypto';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { evaluate } from '../../infra/local/parts/rabbitmq.ts';

export interface Permissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

const EVERYTHING: Permissions = { configure: '.*', write: '.*', read: '.*' };

/** Where a RabbitMQ listens for AMQP and for its management API. */
export interface BrokerUrls {
  readonly url: string;
  readonly managementUrl: string;
}

function sharedServer(): BrokerUrls {
  const { TEST_BROKER_URL: url, TEST_MANAGEMENT_URL: managementUrl } = process.env;
  if (!url || !managementUrl) throw new Error('The tests run by `npm test`, which starts a RabbitMQ');
  return { url, managementUrl };
}

/** The RabbitMQ that the test files share. What a file changes there may concern its own virtual host and ports alone. */
export const SHARED_RABBIT = {
  get url(): string {
    return sharedServer().url;
  },
  /** Evaluates an Erlang expression on it. */
  eval(expression: string): Promise<void> {
    const { TEST_ERLANG_NODE: node } = process.env;
    if (!node) throw new Error('The RabbitMQ of these tests runs in Docker');
    return evaluate(JSON.parse(node), expression);
  },
};

/** A virtual host of the private RabbitMQ for one test file, created empty, and deleted with its contents. */
export class TestBroker {
  readonly url: string;
  readonly vhost: string;
  readonly managementUrl: string;
  readonly #users: string[] = [];
  readonly #connections: ChannelModel[] = [];

  /** @param server by default the RabbitMQ that the test files share */
  static async create(server: BrokerUrls = sharedServer()): Promise<TestBroker> {
    const broker = new TestBroker(server);
    await broker.request('PUT', `vhosts/${broker.vhost}`);
    await broker.permit('guest', EVERYTHING);
    return broker;
  }

  private constructor({ url, managementUrl }: BrokerUrls) {
    this.vhost = `test-${randomBytes(4).toString('hex')}`;
    this.url = `${url}/${this.vhost}`;
    this.managementUrl = managementUrl;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.delete();
  }

  async delete(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close().catch(() => undefined)));
    await this.request('DELETE', `vhosts/${this.vhost}`);
    for (const user of this.#users) await this.request('DELETE', `users/${user}`);
  }

  /** Opens a connection of the test's own, which {@link delete} closes. */
  async connect(): Promise<ChannelModel> {
    const connection = await connect(this.url, { noDelay: true });
    connection.on('error', () => undefined);
    this.#connections.push(connection);
    return connection;
  }

  async channel(): Promise<ConfirmChannel> {
    const channel = await (await this.connect()).createConfirmChannel();
    channel.on('error', () => undefined);
    return channel;
  }

  /** Adds a user. @returns the URL with the user's login */
  async user(permissions: Permissions, tags = ''): Promise<string> {
    const name = `user-${randomBytes(4).toString('hex')}`;
    this.#users.push(name);
    await this.request('PUT', `users/${name}`, { password: 'pw', tags });
    await this.permit(name, permissions);
    return this.url.replace('guest:guest', `${name}:pw`);
  }

  async permit(user: string, permissions: Permissions): Promise<void> {
    await this.request('PUT', `permissions/${this.vhost}/${user}`, permissions);
  }

  /** Restricts the routing keys with which a user may write to an exchange. */
  async permitTopics(user: string, exchange: string, write: string): Promise<void> {
    await this.request('PUT', `topic-permissions/${this.vhost}/${user}`, { exchange, write, read: '.*' });
  }

  /** The queues, exchanges, bindings, connections or channels of this virtual host, as the management API lists them. */
  async list(what: 'queues' | 'exchanges'): Promise<{ name: string }[]>;
  async list(what: 'bindings'): Promise<{ source: string }[]>;
  async list(what: 'connections' | 'channels'): Promise<{ name: string; vhost: string }[]>;
  async list(what: string): Promise<unknown> {
    const isOfVhost = what === 'connections' || what === 'channels';
    return this.request('GET', isOfVhost ? `vhosts/${this.vhost}/${what}` : `${what}/${this.vhost}`);
  }

  /** Calls RabbitMQ's management HTTP API. */
  async request(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.managementUrl}/api/${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
