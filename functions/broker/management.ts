import type { Deadline } from '../time/deadline.ts';
import type { BrokerAddress } from './address.ts';
import { ColumnReader } from './column-reader.ts';
import { ManagementUnavailable } from './errors.ts';
import { type BrokerLocator, withLogin } from './locator.ts';

/** A list comes within seconds, be it the longest, or from a server in trouble. */
const LIST_TIMEOUT_MS = 20_000;

/** When a list has not come by then, a second connection asks: a balancer leads that one to another node of the broker. */
const FIRST_CONNECTION_MS = 5000;

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
   * Lists the routing keys by which queues are bound to an exchange; none where there is no such exchange.
   *
   * @param onKey called with each key as it arrives
   * @throws ManagementUnavailable, or what finding the broker throws
   */
  boundKeys(exchange: string, deadline: Deadline, onKey: (key: string) => void): Promise<void> {
    const path = (vhost: string) => `exchanges/${vhost}/${encodeURIComponent(exchange)}/bindings/source`;
    return this.#list(path, 'routing_key', deadline, onKey);
  }

  /**
   * Lists the names of the virtual host's queues.
   *
   * @param onName called with each name as it arrives
   * @throws ManagementUnavailable, or what finding the broker throws
   */
  queueNames(deadline: Deadline, onName: (name: string) => void): Promise<void> {
    return this.#list((vhost) => `queues/${vhost}`, 'name', deadline, onName);
  }

  #list(
    path: (vhost: string) => string,
    column: string,
    deadline: Deadline,
    onValue: (value: string) => void,
  ): Promise<void> {
    return withLogin(
      this.#locator,
      deadline,
      async (address) => {
        const url = new URL(this.#url ?? `https://${hostOf(address)}`);
        url.pathname = `${url.pathname.replace(/\/$/, '')}/api/${path(encodeURIComponent(address.vhost))}`;
        url.searchParams.set('columns', column); // one column, without statistics: RabbitMQ then looks at no queue twice
        const ask = (limit: Deadline) => read(url, address, limit, new ColumnReader(column, onValue));
        await ask(deadline.within(FIRST_CONNECTION_MS)).catch((error) => {
          if (!isTimeout(error)) throw error;
          return ask(deadline);
        });
      },
      (error) => error instanceof ManagementUnavailable && error.status === 401,
    );
  }
}

function hostOf({ hostname }: BrokerAddress): string {
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}

async function read(
  url: URL,
  { username, password }: BrokerAddress,
  deadline: Deadline,
  reader: ColumnReader,
): Promise<void> {
  const login = Buffer.from(`${username}:${password}`).toString('base64');
  try {
    const response = await fetch(url, {
      headers: {
        authorization: `Basic ${login}`,
        'accept-encoding': 'identity', // the broker's processor is scarcer than the network
      },
      redirect: 'error', // the login is for this server alone
      signal: deadline.within(LIST_TIMEOUT_MS).signal(),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw refusal(response.status);
    }
    await reader.read(response.body ?? new ReadableStream());
  } catch (error) {
    if (error instanceof ManagementUnavailable) throw error;
    const why = `cannot be reached at ${url.origin} (set BROKER_MANAGEMENT_URL): ${causeOf(error)}`;
    throw new ManagementUnavailable(why, { cause: error });
  }
}

function refusal(status: number): ManagementUnavailable {
  const why =
    status === 401 || status === 403
      ? 'refused the user (tag `management`?)'
      : `answered with status ${status}`;
  return new ManagementUnavailable(why, { status });
}

function isTimeout(error: unknown): boolean {
  return Object(Object(error).cause).name === 'TimeoutError';
}

/** Node's own word for the cause, such as `ECONNREFUSED`; `fetch failed` itself says nothing. */
function causeOf(error: unknown): string {
  const { name, cause } = Object(error);
  const { code, message = name } = Object(cause);
  return String(code ?? message);
}
