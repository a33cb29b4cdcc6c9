import { send, troubleOf } from '../http-client.ts';
import { parseJson } from '../json.ts';
import type { Deadline } from '../time/deadline.ts';
import type { BrokerCredentials } from './address.ts';
import { ManagementUnavailable } from './errors.ts';
import { type BrokerLocator, type FoundBroker, withLogin } from './locator.ts';

/** A list comes within seconds, be it the longest, or from a server in trouble. */
const LIST_TIMEOUT_MS = 20_000;

/** When a list has not come by then, a second connection asks: a balancer leads that one to another node of the broker. */
const FIRST_CONNECTION_MS = 5000;

/** RabbitMQ's largest broker of Amazon MQ has some 120,000 queues; their names are a fifth of this. */
const MAX_LENGTH = 64 * 1024 * 1024;

const QUEUES = (vhost: string) => `queues/${vhost}`;

/** RabbitMQ's management HTTP API, with the login of the AMQP connection; the user needs the tag `management`. */
export class ManagementApi {
  readonly #url: string | undefined;
  readonly #locator: BrokerLocator;

  /** @param url of the API, with or without `/api`; undefined: port 443 of the broker's host, as on Amazon MQ */
  constructor(url: string | undefined, locator: BrokerLocator) {
    this.#url = url;
    this.#locator = locator;
  }

  /**
   * Lists the routing keys by which queues are bound to an exchange; none where there is no such exchange.
   *
   * @throws ManagementUnavailable, or what finding the broker throws
   */
  async boundKeys(exchange: string, deadline: Deadline): Promise<string[]> {
    const path = (vhost: string) => `exchanges/${vhost}/${encodeURIComponent(exchange)}/bindings/source`;
    return (await this.#list(path, ['routing_key'], deadline)).flat();
  }

  /** Lists the names of the virtual host's queues. @throws as {@link boundKeys} */
  async queueNames(deadline: Deadline): Promise<string[]> {
    return (await this.#list(QUEUES, ['name'], deadline)).flat();
  }

  /** Lists the queues with the names of the broker nodes that hold them. @throws as {@link boundKeys} */
  queueNodes(deadline: Deadline): Promise<string[][]> {
    return this.#list(QUEUES, ['name', 'node'], deadline);
  }

  #list(
    path: (vhost: string) => string,
    columns: readonly string[],
    deadline: Deadline,
  ): Promise<string[][]> {
    return withLogin(
      this.#locator,
      deadline,
      async (broker) => {
        const url = new URL(this.#url ?? `https://${hostOf(broker)}`);
        url.pathname = `${url.pathname.replace(/(?:\/api)?\/?$/, '')}/api/${path(encodeURIComponent(broker.vhost))}`;
        url.searchParams.set('columns', columns.join()); // without statistics: RabbitMQ then looks at no queue twice
        const login = await broker.login;
        const ask = async (signal: AbortSignal) => valuesOf(columns, await read(url, login, signal));
        const signal = deadline.within(FIRST_CONNECTION_MS).signal();
        return ask(signal).catch((error) => {
          if (!signal.aborted) throw error;
          return ask(deadline.within(LIST_TIMEOUT_MS).signal());
        });
      },
      (error) => error instanceof ManagementUnavailable && error.status === 401,
    );
  }
}

function hostOf({ hostname }: FoundBroker): string {
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}

async function read(
  url: URL,
  { username, password }: BrokerCredentials,
  signal: AbortSignal,
): Promise<string> {
  if (username.includes(':'))
    throw new ManagementUnavailable('takes no user with a colon in its name (HTTP Basic): use another user');
  const options = { auth: `${username}:${password}`, agent: false, signal };
  const { status, text } = await send(url, options, undefined, MAX_LENGTH).catch((cause) => {
    const why = `at ${url.origin} ${troubleOf(cause, signal)} (BROKER_MANAGEMENT_URL says where it is)`;
    throw new ManagementUnavailable(why, { cause });
  });
  if (status === 200) return text;
  const isRefusal = status === 401 || status === 403;
  const why = isRefusal ? 'refused the user (tag `management`?)' : `answered with status ${status}`;
  throw new ManagementUnavailable(why, { status });
}

/**
 * Those without the other columns are left out, such as a quorum queue without a leader, which has no `node`.
 *
 * @throws ManagementUnavailable where the text is not a list of objects with the first of these texts
 */
function valuesOf(columns: readonly string[], text: string): string[][] {
  const list = parseJson(text);
  const rows: unknown[][] = Array.isArray(list)
    ? list.map((row) => columns.map((column) => Object(row)[column]))
    : [[undefined]];
  if (rows.every(([name]) => typeof name === 'string')) return rows.filter(isTexts);
  throw new ManagementUnavailable('answered with something that is not a list');
}

function isTexts(values: unknown[]): values is string[] {
  return values.every((value) => typeof value === 'string');
}
