import type { BrokerAddress, BrokerEndpoint } from './address.ts';
import { BrokerUnknown, describeBroker } from './amazon-mq.ts';
import { BrokerConnection, type Setup } from './connection.ts';
import { Credentials } from './credentials.ts';
import { BrokerRefused, BrokerUnreachable, type Unreachability } from './errors.ts';
import { LiveConnection, type Work } from './live-connection.ts';

/** The whole address, for local use, or what leads to it. */
export type BrokerSettings = { readonly address: BrokerAddress } | AmazonMqSettings;

/** A broker of Amazon MQ, and the secret that holds the credentials for it. */
export interface AmazonMqSettings {
  /** Where it is undefined, Amazon MQ is asked for it. */
  readonly endpoint: BrokerEndpoint | undefined;
  /** The broker's id: always there when the endpoint is not. */
  readonly brokerId: string | undefined;
  readonly vhost: string;
  readonly secretId: string;
}

export interface BrokerOptions<S> {
  readonly settings: BrokerSettings;
  /** The name of our connection in RabbitMQ's console. */
  readonly name: string;
  readonly connectTimeoutMs: number;
  readonly readSecret: (secretId: string, timeoutMs: number) => Promise<string>;
  readonly setup: Setup<S>;
  /** See {@link LiveConnection}. */
  readonly loss: (error: unknown) => Unreachability | undefined;
}

/** Amazon MQ is asked about a broker that cannot be reached, but not for long. */
const DESCRIBE_TIMEOUT_MS = 3000;

/** What a dial's look-ups may take of its time: when they fail, it is they that are to blame, and not the broker. */
const LOOK_UP_SHARE = 0.8;

/** The broker, as one live connection to it and all that is needed to make it. */
export class Broker<S> {
  readonly #options: BrokerOptions<S>;
  readonly #live: LiveConnection<S>;

  constructor(options: BrokerOptions<S>) {
    this.#options = options;
    this.#live = new LiveConnection({ dial: this.#dialler(), loss: options.loss });
  }

  /** Begins to connect, ahead of the first use. */
  begin(): void {
    this.#live.begin();
  }

  /**
   * Does some work on the live connection; see {@link LiveConnection.use}. When the broker cannot be reached, its
   * state is asked for within the time that is left, and told in the error.
   */
  async use<R>(deadline: number, work: Work<S, R>): Promise<R> {
    try {
      return await this.#live.use(deadline, work);
    } catch (error) {
      if (!(error instanceof BrokerUnreachable)) throw error;
      const state = await this.#state(deadline);
      throw state === undefined ? error : new BrokerUnreachable(error.how, { state, cause: error.cause });
    }
  }

  #dialler(): (timeoutMs: number) => Promise<BrokerConnection<S>> {
    const { settings, readSecret } = this.#options;
    if ('address' in settings) return (timeoutMs) => this.#connect(settings.address, timeoutMs);

    const { vhost, secretId } = settings;
    const credentials = new Credentials((timeoutMs) => readSecret(secretId, timeoutMs));
    let known: BrokerEndpoint | undefined;
    return async (timeoutMs) => {
      const [endpoint, login] = await Promise.all([
        known ?? findEndpoint(settings, LOOK_UP_SHARE * timeoutMs),
        credentials.get(LOOK_UP_SHARE * timeoutMs),
      ]);
      known = endpoint;
      try {
        return await this.#connect({ ...endpoint, ...login, vhost }, timeoutMs);
      } catch (error) {
        if (!(error instanceof BrokerRefused && error.what === 'login')) throw error;
        const renewed = await credentials.renew(LOOK_UP_SHARE * timeoutMs); // they may have been rotated
        if (renewed.username === login.username && renewed.password === login.password) throw error;
        return this.#connect({ ...endpoint, ...renewed, vhost }, timeoutMs);
      }
    };
  }

  #connect(address: BrokerAddress, timeoutMs: number): Promise<BrokerConnection<S>> {
    const { name, connectTimeoutMs, setup } = this.#options;
    return BrokerConnection.connect(
      address,
      { name, timeoutMs: Math.min(timeoutMs, connectTimeoutMs) },
      setup,
    );
  }

  /** Not knowing the state is no error of its own: that the broker cannot be reached is the news. */
  async #state(deadline: number): Promise<string | undefined> {
    const { settings } = this.#options;
    const timeLeftMs = Math.min(DESCRIBE_TIMEOUT_MS, deadline - performance.now());
    if (!('brokerId' in settings) || settings.brokerId === undefined || timeLeftMs <= 0) return undefined;
    const description = await describeBroker(settings.brokerId, timeLeftMs).catch(() => undefined);
    return description?.state;
  }
}

async function findEndpoint(
  { endpoint, brokerId = '' }: AmazonMqSettings,
  timeoutMs: number,
): Promise<BrokerEndpoint> {
  if (endpoint) return endpoint;
  const description = await describeBroker(brokerId, Math.min(DESCRIBE_TIMEOUT_MS, timeoutMs));
  if (description.endpoint) return description.endpoint;
  throw new BrokerUnknown(brokerId, `it has no endpoint, its state is ${description.state}`);
}
