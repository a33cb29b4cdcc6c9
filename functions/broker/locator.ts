import type { BrokerAddress, BrokerEndpoint } from './address.ts';
import { BrokerUnknown, describeBroker } from './amazon-mq.ts';
import { Credentials } from './credentials.ts';

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

/** Amazon MQ is asked about a broker, but not for long. */
const DESCRIBE_TIMEOUT_MS = 3000;

/** Finds the broker, and as whom to log in. What it has found it keeps. */
export class BrokerLocator {
  readonly #settings: BrokerSettings;
  readonly #credentials: Credentials;
  #endpoint: BrokerEndpoint | undefined;

  constructor(
    settings: BrokerSettings,
    readSecret: (secretId: string, timeoutMs: number) => Promise<string>,
  ) {
    this.#settings = settings;
    this.#credentials = new Credentials((timeoutMs) =>
      readSecret('secretId' in settings ? settings.secretId : '', timeoutMs),
    );
  }

  /**
   * @param timeoutMs how long the look-ups may take, in milliseconds
   * @throws BrokerUnknown, MalformedCredentials, or what reading the secret throws
   */
  async address(timeoutMs: number): Promise<BrokerAddress> {
    const settings = this.#settings;
    if ('address' in settings) return settings.address;
    const [endpoint, login] = await Promise.all([
      this.#endpoint ?? findEndpoint(settings, timeoutMs),
      this.#credentials.get(timeoutMs),
    ]);
    this.#endpoint = endpoint;
    return { ...endpoint, ...login, vhost: settings.vhost };
  }

  /**
   * Reads the secret again after the broker has refused a login: it may have been rotated.
   *
   * @returns undefined when the login is what it was
   * @throws as {@link address}
   */
  async renewed(refused: BrokerAddress, timeoutMs: number): Promise<BrokerAddress | undefined> {
    if ('address' in this.#settings) return undefined;
    const login = await this.#credentials.renew(timeoutMs);
    const isSame = login.username === refused.username && login.password === refused.password;
    return isSame ? undefined : { ...refused, ...login };
  }

  /** What Amazon MQ says of the broker, such as `REBOOT_IN_PROGRESS`; undefined where it says nothing in time. */
  async state(timeoutMs: number): Promise<string | undefined> {
    const brokerId = 'brokerId' in this.#settings ? this.#settings.brokerId : undefined;
    if (brokerId === undefined || timeoutMs <= 0) return undefined;
    const timeLeftMs = Math.min(DESCRIBE_TIMEOUT_MS, timeoutMs);
    const description = await describeBroker(brokerId, timeLeftMs).catch(() => undefined);
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
