import { BrokerUnreachable } from './errors.ts';

/** What a dial gives: something to use for as long as it says that it is open. */
export interface Dialled {
  readonly isOpen: boolean;
}

/** Keeps one connection for as long as it lives, and dials anew when it has closed or could not be made. */
export class LiveConnection<T extends Dialled> {
  readonly #dial: () => Promise<T>;
  #dialling: Promise<T> | undefined;
  #current: T | undefined;

  constructor(dial: () => Promise<T>) {
    this.#dial = dial;
  }

  /** Dials ahead of the first use. A failure is not reported: {@link get} dials again. */
  begin(): void {
    this.#connect().catch(() => undefined);
  }

  /**
   * The live connection. Callers that come while it is being dialled share it.
   *
   * @param timeoutMs how long this caller can wait, in milliseconds; the dial goes on for the others
   * @throws BrokerUnreachable when that is over, or what the dial throws
   */
  async get(timeoutMs: number): Promise<T> {
    if (this.#current?.isOpen) return this.#current;
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new BrokerUnreachable('connection_timeout')), timeoutMs);
    try {
      return await Promise.race([this.#connect(), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect(): Promise<T> {
    this.#dialling ??= this.#dial().finally(() => {
      this.#dialling = undefined;
    });
    this.#current = await this.#dialling;
    return this.#current;
  }
}
