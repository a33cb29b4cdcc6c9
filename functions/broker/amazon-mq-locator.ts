import type { Deadline } from '../time/deadline.ts';
import { Hops } from '../time/hops.ts';
import { type BrokerCredentials, type BrokerEndpoint, parseCredentials } from './address.ts';
import { describeBroker } from './amazon-mq.ts';
import { BrokerUnknown, MalformedCredentials } from './errors.ts';
import type { BrokerLocator, FoundBroker } from './locator.ts';

/** A broker of Amazon MQ, and the secret with the login for it. */
export interface AmazonMqSettings {
  /** Where the broker is: its endpoint, its id by which Amazon MQ is asked, or both. */
  readonly broker:
    | { readonly endpoint: BrokerEndpoint; readonly id: string | undefined }
    | { readonly endpoint: undefined; readonly id: string };
  readonly vhost: string;
  readonly secretId: string;
}

/** The hop of a question to Amazon MQ. */
const DESCRIBE = 'describe_broker';

export type ReadSecret = (secretId: string, deadline: Deadline) => Promise<string>;

/** Finds a broker of Amazon MQ. An endpoint and a login, once found, are kept; a look-up that failed is repeated. */
export class AmazonMqLocator implements BrokerLocator {
  readonly #settings: AmazonMqSettings;
  readonly #readSecret: ReadSecret;
  /** The endpoint, once Amazon MQ has been asked for it. */
  #asked: BrokerEndpoint | undefined;
  #login: Promise<BrokerCredentials> | undefined;

  constructor(settings: AmazonMqSettings, readSecret: ReadSecret) {
    this.#settings = settings;
    this.#readSecret = readSecret;
  }

  /** @throws BrokerUnknown; the login is rejected with MalformedCredentials, or with what reading the secret throws */
  async find(deadline: Deadline, hops = new Hops()): Promise<FoundBroker> {
    const login = this.#findLogin(deadline, hops);
    login.catch(() => undefined); // for whoever awaits it
    return { ...(await this.#findEndpoint(deadline, hops)), vhost: this.#settings.vhost, login };
  }

  async renewed(
    refused: FoundBroker,
    deadline: Deadline,
    hops = new Hops(),
  ): Promise<FoundBroker | undefined> {
    this.#login = undefined;
    const [before, now] = await Promise.all([refused.login, this.#findLogin(deadline, hops)]);
    const isSame = now.username === before.username && now.password === before.password;
    return isSame ? undefined : { ...refused, login: Promise.resolve(now) };
  }

  async state(deadline: Deadline, hops?: Hops): Promise<string | undefined> {
    const { id } = this.#settings.broker;
    if (id === undefined || deadline.isOver) return undefined;
    const startMs = performance.now();
    const description = await describeBroker(id, deadline).catch(() => undefined);
    hops?.addBeforeLast(DESCRIBE, performance.now() - startMs);
    return description?.state;
  }

  async #findEndpoint(deadline: Deadline, hops: Hops): Promise<BrokerEndpoint> {
    const { broker } = this.#settings;
    if (broker.endpoint !== undefined) return broker.endpoint;
    this.#asked ??= await hops.time(DESCRIBE, askEndpoint(broker.id, deadline));
    return this.#asked;
  }

  #findLogin(deadline: Deadline, hops: Hops): Promise<BrokerCredentials> {
    this.#login ??= hops.time('secret', this.#readLogin(deadline));
    return this.#login;
  }

  async #readLogin(deadline: Deadline): Promise<BrokerCredentials> {
    try {
      const login = parseCredentials(await this.#readSecret(this.#settings.secretId, deadline));
      if (login === undefined)
        throw new MalformedCredentials('The broker secret has no username and password');
      return login;
    } catch (error) {
      this.#login = undefined;
      throw error;
    }
  }
}

async function askEndpoint(brokerId: string, deadline: Deadline): Promise<BrokerEndpoint> {
  const { endpoint, state } = await describeBroker(brokerId, deadline);
  if (endpoint !== undefined) return endpoint;
  throw new BrokerUnknown(brokerId, `it has no endpoint, its state is ${state}`);
}
