import { channel } from 'node:diagnostics_channel';

/** Whoever subscribes in this process, such as the benchmark, hears of each hop as it ends. */
const ENDED = channel('guest-rpc-ping.hop');

/** One step on the way of a request. */
interface Hop {
  readonly name: string;
  readonly ms: number;
  /** Why it failed: a word of ours, never a text from elsewhere. */
  readonly failure: string | undefined;
}

/** Only redialling makes more hops than this; then the last ones are kept. */
const MAX_HOPS = 24;

/** Our own codes have this form; Node's have not. */
const WORD = /^[a-z_]{1,40}$/;

/**
 * The hops of one request in the order of their ends, or of something that several requests wait for, such as a dial. The
 * last hop is where the request stopped, if that hop failed.
 */
export class Hops {
  readonly #prefix: string;
  readonly #ended: (Hop | Hops)[] = [];
  #open: { readonly name: string; readonly sinceMs: number } | undefined;

  /** @param prefix of each name, such as `init_` */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  /** @param failure one of our words, or the error */
  add(name: string, ms: number, failure?: unknown): void {
    if (ENDED.hasSubscribers) ENDED.publish({ name, ms });
    this.#ended.push({ name, ms, failure: failure === undefined ? undefined : wordOf(failure) });
  }

  /** Adds what explains a failure: the hop that failed stays the last one. */
  addBeforeLast(name: string, ms: number): void {
    this.#ended.splice(-1, 0, { name, ms, failure: undefined });
  }

  /** Includes the hops of something that this request waits for, also those that are added there later. */
  append(hops: Hops): void {
    this.#ended.push(hops);
  }

  /** Ends the open hop, and begins another one. */
  begin(name: string): void {
    this.end();
    this.#open = { name, sinceMs: performance.now() };
  }

  /** Ends the open hop, with the error that it failed with. */
  end(error?: unknown): void {
    if (this.#open) this.add(this.#open.name, performance.now() - this.#open.sinceMs, error);
    this.drop();
  }

  /** Forgets the open hop. */
  drop(): void {
    this.#open = undefined;
  }

  /** Times a hop. @throws what the promise throws */
  async time<T>(name: string, promise: Promise<T>): Promise<T> {
    const open = { name, sinceMs: performance.now() };
    this.#open = open;
    let failure: unknown;
    try {
      return await promise;
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (this.#open === open) this.#open = undefined;
      this.add(name, performance.now() - open.sinceMs, failure);
    }
  }

  /** Milliseconds of each hop by its name, and the name of the hop at which the request stopped: fields of a log line. */
  get fields(): { readonly hops?: Readonly<Record<string, number>>; readonly stopped_at?: string } {
    const all = this.#all();
    const last = all.at(-1);
    if (last === undefined) return {};
    const hops: Record<string, number> = {};
    for (const { name, ms } of all) hops[name] = Math.round(((hops[name] ?? 0) + ms) * 1000) / 1000;
    return last.failure === undefined ? { hops } : { hops, stopped_at: last.name };
  }

  /** The header `Server-Timing` (W3C); a failed hop has `desc`. */
  get header(): Record<string, string> {
    let metrics = '';
    for (const { name, ms, failure } of this.#all()) {
      if (metrics !== '') metrics += ', ';
      metrics += `${name};dur=${ms.toFixed(1)}${failure ? `;desc="${failure}"` : ''}`;
    }
    return metrics === '' ? {} : { 'Server-Timing': metrics };
  }

  #all(): readonly Hop[] {
    const all = this.#isFlat(this.#ended) ? this.#ended : this.#collect([], '', []);
    return all.length > MAX_HOPS ? all.slice(-MAX_HOPS) : all;
  }

  /** Whether there is nothing to collect: so it is for most requests, and each asks twice. */
  #isFlat(ended: (Hop | Hops)[]): ended is Hop[] {
    return this.#prefix === '' && this.#open === undefined && !ended.some((part) => part instanceof Hops);
  }

  /** An open hop counts as one that did not end in time. */
  #collect(into: Hop[], outerPrefix: string, seen: Hops[]): Hop[] {
    if (seen.includes(this)) return into;
    seen.push(this);
    const prefix = outerPrefix + this.#prefix;
    for (const part of this.#ended) {
      if (part instanceof Hops) part.#collect(into, prefix, seen);
      else into.push(prefix === '' ? part : { ...part, name: prefix + part.name });
    }
    if (this.#open === undefined) return into;
    const { name, sinceMs } = this.#open;
    into.push({ name: prefix + name, ms: performance.now() - sinceMs, failure: 'unfinished' });
    return into;
  }
}

function wordOf(failure: unknown): string {
  const { how, code } = Object(failure);
  return [failure, how, code].find((word) => typeof word === 'string' && WORD.test(word)) ?? 'failed';
}
