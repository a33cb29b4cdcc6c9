import { type Channel, type ConfirmChannel, connect as connectAmqp } from 'amqplib';
import type { BrokerAddress } from './address.ts';
import { BrokerRefused, BrokerUnreachable, type Unreachability } from './errors.ts';

export interface ConnectOptions {
  /** How long all of it may take, from DNS to the end of the setup, in milliseconds. */
  readonly timeoutMs: number;
  /** The name that RabbitMQ's console shows for the connection. */
  readonly name: string;
}

/**
 * Prepares the connection's use: `channel` is what everything depends on, `spare` another one, to be closed when
 * the setup no longer needs it.
 */
export type Setup<S> = (channel: ConfirmChannel, spare: Channel) => Promise<S>;

/** One AMQP connection, ready for use. It ends as a whole: when its channel or its socket does. */
export class BrokerConnection<S> {
  /** What the setup made of it. */
  readonly session: S;
  readonly #socket: AbortController;

  /** @throws BrokerUnreachable or BrokerRefused; nothing is left open then */
  static async connect<S>(
    address: BrokerAddress,
    { timeoutMs, name }: ConnectOptions,
    setup: Setup<S>,
  ): Promise<BrokerConnection<S>> {
    // amqplib's own `timeout` is one of inactivity and ends with the handshake. This signal destroys the socket at
    // any time, which is also the only way to leave a dead connection without waiting for it.
    const socket = new AbortController();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      socket.abort();
    }, timeoutMs);
    try {
      const session = await open(address, name, socket, setup);
      return new BrokerConnection(session, socket);
    } catch (error) {
      socket.abort();
      throw timedOut ? new BrokerUnreachable('connection_timeout', { cause: error }) : connectError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(session: S, socket: AbortController) {
    this.session = session;
    this.#socket = socket;
  }

  /** False once the connection or its channel has ended, for whatever reason. */
  get isOpen(): boolean {
    return !this.#socket.signal.aborted;
  }

  /** Ends the connection at once, waiting for nobody. */
  destroy(): void {
    this.#socket.abort();
  }
}

async function open<S>(
  address: BrokerAddress,
  name: string,
  socket: AbortController,
  setup: Setup<S>,
): Promise<S> {
  const target = { ...address, vhost: encodeURIComponent(address.vhost) }; // amqplib decodes it
  const socketOptions = { noDelay: true, clientProperties: { connection_name: name }, signal: socket.signal };
  const connection = await connectAmqp(target, socketOptions);
  connection.on('error', () => undefined); // 'close' follows; without a listener it would be thrown
  connection.on('close', () => socket.abort());
  const [channel, spare] = await Promise.all([connection.createConfirmChannel(), connection.createChannel()]);
  channel.on('error', () => undefined);
  channel.on('close', () => socket.abort());
  return setup(channel, spare);
}

/** Node's and AMQP's codes tell; what RabbitMQ refuses during the handshake, amqplib reports in words alone. */
function connectError(error: unknown): BrokerUnreachable | BrokerRefused {
  if (!(error instanceof Error)) return new BrokerUnreachable('connection_terminated', { cause: error });
  const code = 'code' in error ? error.code : undefined;
  const refused = typeof code === 'number' || /by server: \d{3}|ConnectionClose/.test(error.message);
  if (refused) return new BrokerRefused({ cause: error });
  return new BrokerUnreachable(unreachability(String(code)), { cause: error });
}

function unreachability(code: string): Unreachability {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns_error';
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'connection_timeout';
  if (/CERT|SIGNATURE|ISSUER|CRL/.test(code)) return 'tls_certificate_error';
  return 'connection_terminated';
}
