import { type BrokerCredentials, parseCredentials } from './address.ts';

/** The secret is there, but it does not hold `{"username": "…", "password": "…"}`. */
export class MalformedCredentials extends Error {
  readonly code = 'MalformedCredentials';
}

/** The broker's credentials: their secret is read once, and again only when they turn out to be outdated. */
export class Credentials {
  readonly #readSecret: (timeoutMs: number) => Promise<string>;
  #current: Promise<BrokerCredentials> | undefined;

  constructor(readSecret: (timeoutMs: number) => Promise<string>) {
    this.#readSecret = readSecret;
  }

  /** @throws MalformedCredentials, or what reading the secret throws */
  get(timeoutMs: number): Promise<BrokerCredentials> {
    this.#current ??= this.#read(timeoutMs);
    return this.#current;
  }

  /** Reads the secret again. @throws as {@link get} */
  renew(timeoutMs: number): Promise<BrokerCredentials> {
    this.#current = undefined;
    return this.get(timeoutMs);
  }

  async #read(timeoutMs: number): Promise<BrokerCredentials> {
    try {
      const credentials = parseCredentials(await this.#readSecret(timeoutMs));
      if (credentials === undefined)
        throw new MalformedCredentials('The broker secret has no username and password');
      return credentials;
    } catch (error) {
      this.#current = undefined; // the next one asks anew
      throw error;
    }
  }
}
