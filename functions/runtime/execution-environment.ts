import { amazonMqLocator } from '../broker/amazon-mq-locator.ts';
import { Broker } from '../broker/broker.ts';
import { CONNECT_TIMEOUT_MS, connectBroker, type Setup } from '../broker/connection.ts';
import type { openConnection } from '../broker/handshake.ts';
import { type BrokerLocator, fixedLocator } from '../broker/locator.ts';
import { GuestKeys, type KeyLookup } from '../guest/guest-keys.ts';
import type { ChannelLimit } from '../oslo/channels.ts';
import type { openTransport, Transport } from '../oslo/transport.ts';
import { keyFile } from '../secrets/key-file.ts';
import { readSecret, SecretUnavailable } from '../secrets/secrets-manager.ts';
import { type BrokerSettings, type Config, type GuestKeySettings, readConfig } from '../settings/config.ts';
import { Deadline } from '../time/deadline.ts';
import { Hops } from '../time/hops.ts';
import { connectionLoss } from './broker-failure.ts';

/**
 * How long init waits for the connection. A healthy broker is connected within a few tens of milliseconds; a silent one
 * keeps init well below Lambda's 10 s.
 */
const INIT_WAIT_MS = 1000;

/** What speaks AMQP. */
export interface Amqp {
  readonly openConnection: typeof openConnection;
  readonly openTransport: typeof openTransport;
}

/** What one Lambda execution environment keeps from invocation to invocation: its settings and its connection. */
export class ExecutionEnvironment {
  readonly config: Config;
  readonly locator: BrokerLocator;
  readonly broker: Broker<Transport>;
  /** Undefined: no guest has a key. */
  readonly keys: GuestKeys | undefined;
  /** What init did. */
  readonly initHops = new Hops('init_');
  /** Resolves when init need not wait any longer. A broker that cannot be reached is dialled again in the first invocation. */
  readonly connected: Promise<void>;

  /**
   * Reads the settings, and begins to look for the broker and to connect: Lambda gives init a whole processor, and an
   * invocation only the share of its memory.
   *
   * @param loadAmqp loads what speaks AMQP; called when the socket is connected
   * @throws InvalidConfig
   */
  constructor(env: NodeJS.ProcessEnv, loadAmqp: () => Promise<Amqp>) {
    this.config = readConfig(env);
    this.locator = locatorOf(this.config.broker);
    this.keys = this.config.guestKeys && new GuestKeys(keyLookup(this.config.guestKeys));
    const limit: ChannelLimit = { channels: Number.POSITIVE_INFINITY };
    const options = {
      name: connectionName(env),
      timeoutMs: Math.min(CONNECT_TIMEOUT_MS, this.config.rpcTimeoutMs),
      loadAmqp: async () => {
        const { openConnection, openTransport } = await loadAmqp();
        const setup: Setup<Transport> = (connection, onEnd) => openTransport(connection, onEnd, limit);
        return { openConnection, setup };
      },
    };
    this.broker = new Broker({
      locator: this.locator,
      connect: (found, deadline, hops) => connectBroker(found, options, deadline, hops),
      loss: connectionLoss,
    });
    this.connected = this.broker.connectAhead(Deadline.in(INIT_WAIT_MS), this.initHops);
  }
}

function locatorOf(settings: BrokerSettings): BrokerLocator {
  return 'address' in settings ? fixedLocator(settings.address) : amazonMqLocator(settings, readSecret);
}

/** A guest's key is kept in a secret of its own, or locally in a file. */
function keyLookup(settings: GuestKeySettings): KeyLookup {
  if ('file' in settings) return keyFile(settings.file);
  return (instanceId, deadline) =>
    readSecret(settings.secretPrefix + instanceId, deadline).catch((error) => {
      const isMissing = error instanceof SecretUnavailable && error.exception === 'ResourceNotFoundException';
      if (isMissing) return undefined;
      throw error;
    });
}

/** Lambda's names of function, version and log stream, so that an operator finds the connection's owner. */
function connectionName({
  AWS_LAMBDA_FUNCTION_NAME: name = 'guest-rpc-ping',
  AWS_LAMBDA_FUNCTION_VERSION: version = '',
  AWS_LAMBDA_LOG_STREAM_NAME: logStream = '',
}: NodeJS.ProcessEnv): string {
  return [name, version, logStream].filter((part) => part !== '').join(' ');
}
