import { type BrokerAddress, parseCredentials } from './broker/address.ts';
import { BrokerConnection } from './broker/connection.ts';
import { BrokerRefused, BrokerUnreachable } from './broker/errors.ts';
import { LiveConnection } from './broker/live-connection.ts';
import {
  type AmazonMqSettings,
  type BrokerSettings,
  type Config,
  InvalidConfig,
  readConfig,
} from './config.ts';
import type { RequestContext } from './guest/context.ts';
import { type PingResult, rpcPing } from './guest/rpc-ping.ts';
import { RpcClient } from './oslo/rpc-client.ts';
import { readSecret } from './secret.ts';

const CONNECT_TIMEOUT_MS = 5000;

/** What one Lambda execution environment keeps from invocation to invocation: its settings and its connection. */
export class Environment {
  readonly #config: Config | InvalidConfig;
  readonly #connection: LiveConnection<BrokerConnection<RpcClient>>;

  /** Begins to connect. Wrong settings do not throw here, where nobody could answer for them, but in {@link ping}. */
  constructor(env: NodeJS.ProcessEnv) {
    this.#config = configOrError(env);
    this.#connection = new LiveConnection(() => dial(valid(this.#config).broker, connectionName(env)));
    this.#connection.begin();
  }

  /**
   * Pings one guest over the live connection.
   *
   * @param timeLeftMs what the invocation has left for it, in milliseconds
   * @throws InvalidConfig or SecretUnavailable, which are the deployer's to mend
   */
  async ping(context: RequestContext, timeLeftMs: number): Promise<PingResult> {
    const { controlExchange, rpcTimeoutMs } = valid(this.#config);
    const deadline = performance.now() + Math.min(rpcTimeoutMs, timeLeftMs);
    try {
      const { session: rpc } = await this.#connection.get(deadline - performance.now());
      return await rpcPing(rpc, controlExchange, context, deadline - performance.now());
    } catch (error) {
      if (error instanceof BrokerUnreachable || error instanceof BrokerRefused) {
        return { reachable: false, reason: error.reason, cause: error.message };
      }
      throw error;
    }
  }
}

async function dial(broker: BrokerSettings, name: string): Promise<BrokerConnection<RpcClient>> {
  const address = 'address' in broker ? broker.address : await addressFromSecret(broker);
  return BrokerConnection.connect(address, { timeoutMs: CONNECT_TIMEOUT_MS, name }, RpcClient.open);
}

async function addressFromSecret({ endpoint, vhost, secretId }: AmazonMqSettings): Promise<BrokerAddress> {
  const credentials = parseCredentials(await readSecret(secretId));
  if (!credentials) throw new InvalidConfig('BROKER_SECRET_ID names a secret without username and password');
  return { ...endpoint, ...credentials, vhost };
}

/** Lambda's names of function, version and log stream, so that an operator finds the connection's owner. */
function connectionName({
  AWS_LAMBDA_FUNCTION_NAME: name = 'guest-rpc-ping',
  AWS_LAMBDA_FUNCTION_VERSION: version = '',
  AWS_LAMBDA_LOG_STREAM_NAME: logStream = '',
}: NodeJS.ProcessEnv): string {
  return [name, version, logStream].filter((part) => part !== '').join(' ');
}

function configOrError(env: NodeJS.ProcessEnv): Config | InvalidConfig {
  try {
    return readConfig(env);
  } catch (error) {
    if (error instanceof InvalidConfig) return error;
    throw error;
  }
}

function valid(config: Config | InvalidConfig): Config {
  if (config instanceof InvalidConfig) throw config;
  return config;
}
