import { type BrokerCredentials, parseCredentials } from './address.ts';

/** The secret is there, but it does not hold `{"username": "…", "password": "…"}`. */
export class MalformedCredentials extends Error {
  readonly code = 'MalformedCredentials';
}

/** The broker's credentials: their secret is read once, and again only when they turn out to be outdated. */
export class Credentials {
  readonly #readSecret: () => Promise<string>;
  #current: Promise<BrokerCredentials> | undefined;

  constructor(readSecret: () => Promise<string>) {
    this.#readSecret = readSecret;
  }

  /** @throws MalformedCredentials, or what reading the secret throws */
  get(): Promise<BrokerCredentials> {
    this.#current ??= this.#read();
    return this.#current;
  }

  /** Reads the secret again. @throws as {@link get} */
  renew(): Promise<BrokerCredentials> {
    this.#current = undefined;
    return this.get();
  }

  async #read(): Promise<BrokerCredentials> {
    try {
      const credentials = parseCredentials(await this.#readSecret());
      if (credentials === undefined)
        throw new MalformedCredentials('The broker secret has no username and password');
      return credentials;
    } catch (error) {
      this.#current = undefined; // the next one asks anew
      throw error;
    }
  }
}
