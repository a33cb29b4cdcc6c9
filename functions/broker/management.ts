import type { Deadline } from '../time/deadline.ts';
import type { BrokerAddress } from './address.ts';
import { ManagementUnavailable } from './errors.ts';
import { type BrokerLocator, withLogin } from './locator.ts';

/** A queue, in the columns that are asked for. A number is undefined before RabbitMQ has collected it. */
export interface Queue {
  readonly name: string;
  readonly consumers: number | undefined;
  readonly messages: number | undefined;
}

/** The most queues that RabbitMQ puts on one page. */
const PAGE_SIZE = 500;

/** A page comes in a fraction of a second, or from a server in trouble. */
const PAGE_TIMEOUT_MS = 10_000;

/** A page of 500 queues with names of full length, 255 bytes, stays well below. */
const MAX_PAGE_BYTES = 1024 * 1024;

interface Page {
  readonly queues: readonly Queue[];
  readonly pageCount: number;
}

/** RabbitMQ's management HTTP API, with the login of the AMQP connection; the user needs the tag `management`. */
export class ManagementApi {
  readonly #url: string | undefined;
  readonly #locator: BrokerLocator;

  /** @param url of the API; undefined: port 443 of the broker's host, as on Amazon MQ */
  constructor(url: string | undefined, locator: BrokerLocator) {
    this.#url = url;
    this.#locator = locator;
  }

  /**
   * Lists the queues of the virtual host, page by page.
   *
   * @param pattern a regular expression that their names match
   * @throws ManagementUnavailable, or what finding the broker throws
   */
  queues(pattern: string, deadline: Deadline): Promise<Queue[]> {
    return withLogin(
      this.#locator,
      deadline,
      (address) => this.#allPages(address, pattern, deadline),
      (error) => error instanceof ManagementUnavailable && error.status === 401,
    );
  }

  async #allPages(address: BrokerAddress, pattern: string, deadline: Deadline): Promise<Queue[]> {
    const queues = new Map<string, Queue>(); // a queue may move to the next page while we read
    for (let [page, pageCount] = [1, 1]; page <= pageCount; page++) {
      const read = readPage(await get(this.#pageUrl(address, pattern, page), address, deadline));
      for (const queue of read.queues) queues.set(queue.name, queue);
      pageCount = read.pageCount;
    }
    return [...queues.values()];
  }

  #pageUrl({ hostname, vhost }: BrokerAddress, pattern: string, page: number): URL {
    const host = hostname.includes(':') ? `[${hostname}]` : hostname;
    const url = new URL(this.#url ?? `https://${host}`);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/api/queues/${encodeURIComponent(vhost)}`;
    url.search = String(
      new URLSearchParams({
        page: String(page),
        page_size: String(PAGE_SIZE),
        name: pattern,
        use_regex: 'true',
        columns: 'name,consumers,messages',
      }),
    );
    return url;
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function get(url: URL, { username, password }: BrokerAddress, deadline: Deadline): Promise<Answer> {
  const login = Buffer.from(`${username}:${password}`).toString('base64');
  try {
    const response = await fetch(url, {
      headers: { authorization: `Basic ${login}` },
      redirect: 'error', // the login is for this server alone
      signal: deadline.within(PAGE_TIMEOUT_MS).signal(),
    });
    return { status: response.status, body: await readText(response) };
  } catch (error) {
    if (error instanceof ManagementUnavailable) throw error;
    throw new ManagementUnavailable(`cannot be reached: ${causeOf(error)}`, { cause: error });
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_PAGE_BYTES) throw new ManagementUnavailable('answered with something far too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Node's own word for the cause, such as `ECONNREFUSED`; `fetch failed` itself says nothing. */
function causeOf(error: unknown): string {
  const { name, cause } = Object(error);
  const { code, message = name } = Object(cause);
  return String(code ?? message);
}

function readPage({ status, body }: Answer): Page {
  if (status === 401 || status === 403)
    throw new ManagementUnavailable('refused the user (tag `management`?)', { status });
  if (status !== 200) throw new ManagementUnavailable(`answered with status ${status}`, { status });
  const page = parsePage(body);
  if (page === undefined)
    throw new ManagementUnavailable('answered with something that is no list of queues');
  return page;
}

function parsePage(body: string): Page | undefined {
  try {
    const { items, page_count: pageCount } = Object(JSON.parse(body));
    if (!Array.isArray(items) || !Number.isInteger(pageCount)) return undefined;
    const queues = items.map(parseQueue);
    return { queues: queues.filter((queue) => queue !== undefined), pageCount };
  } catch {
    return undefined;
  }
}

function parseQueue(item: unknown): Queue | undefined {
  const { name, consumers, messages } = Object(item);
  return typeof name === 'string'
    ? { name, consumers: count(consumers), messages: count(messages) }
    : undefined;
}

function count(value: unknown): number | undefined {
  return Number.isInteger(value) ? Number(value) : undefined;
}
