import { ManagementUnavailable } from './errors.ts';

/** The longest item that counts as one: the longest name that AMQP permits, 255 bytes, each escaped by JSON. */
const MAX_ITEM_LENGTH = 4096;

/** RabbitMQ's largest broker of Amazon MQ has some 120,000 queues; their names are a fifth of this. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads a list of one column, `[{"<column>":"<text>"},…]`, as it arrives. Never more than a chunk and an item are held
 * in memory.
 */
export class ColumnReader {
  readonly #item: RegExp;
  readonly #onValue: (value: string) => void;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #separator = '[';
  #rest = '';
  #bytes = 0;

  constructor(column: string, onValue: (value: string) => void) {
    this.#item = new RegExp(
      String.raw`\s*([[,])\s*\{\s*"${column}"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*\}`,
      'y',
    );
    this.#onValue = onValue;
  }

  /** @throws ManagementUnavailable when what arrives is no such list, or far too long */
  async read(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of body) this.#take(chunk);
    const end = this.#separator === '[' ? /^\s*\[\s*\]\s*$/ : /^\s*\]\s*$/;
    if (!end.test(this.#rest)) throw noList();
  }

  #take(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_BYTES) throw new ManagementUnavailable('answered with something far too long');
    const text = this.#rest + orNoList(() => this.#decoder.decode(chunk, { stream: true }));
    let at = 0;
    for (let item = this.#itemAt(text, at); item !== null; item = this.#itemAt(text, at)) {
      const [, separator, value = ''] = item;
      if (separator !== this.#separator) throw noList();
      this.#onValue(orNoList(() => String(JSON.parse(value))));
      this.#separator = ',';
      at = this.#item.lastIndex;
    }
    this.#rest = text.slice(at);
    if (this.#rest.length > MAX_ITEM_LENGTH) throw noList();
  }

  #itemAt(text: string, at: number): RegExpExecArray | null {
    this.#item.lastIndex = at;
    return this.#item.exec(text);
  }
}

function noList(options?: ErrorOptions): ManagementUnavailable {
  return new ManagementUnavailable('answered with something that is no list', options);
}

function orNoList<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw noList({ cause });
  }
}
