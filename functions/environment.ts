import { Broker } from './broker/broker.ts';
import { isBrokerError, type Unreachability } from './broker/errors.ts';
import { type Config, readConfig } from './config.ts';
import type { RequestContext } from './guest/context.ts';
import { type PingResult, rpcPing } from './guest/rpc-ping.ts';
import { MessageDeliveryFailure } from './oslo/errors.ts';
import { RpcClient } from './oslo/rpc-client.ts';
import { readSecret } from './secret.ts';

/** How long DNS, TCP, TLS and the AMQP handshake may take. */
const CONNECT_TIMEOUT_MS = 5000;

/** Proof of life of a connection that has lain idle: the publisher confirm, or any answer. */
const CONFIRM_TIMEOUT_MS = 1000;

/** What one Lambda execution environment keeps from invocation to invocation: its settings and its connection. */
export class Environment {
  readonly #config: Config;
  readonly #broker: Broker<RpcClient>;

  /** Reads the settings and begins to connect. @throws InvalidConfig */
  constructor(env: NodeJS.ProcessEnv) {
    this.#config = readConfig(env);
    this.#broker = new Broker({
      settings: this.#config.broker,
      name: connectionName(env),
      connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, this.#config.rpcTimeoutMs),
      readSecret,
      setup: RpcClient.open,
      loss: connectionLoss,
    });
    this.#broker.begin();
  }

  /**
   * Pings one guest over the live connection.
   *
   * @param timeLeftMs what the invocation has left for it, in milliseconds
   * @throws SecretUnavailable, MalformedCredentials or BrokerUnknown, which are the deployer's to mend
   */
  async ping(context: RequestContext, timeLeftMs: number): Promise<PingResult> {
    const { controlExchange, rpcTimeoutMs, noConsumerGraceMs } = this.#config;
    const deadline = performance.now() + Math.min(rpcTimeoutMs, timeLeftMs);
    try {
      return await this.#broker.use(deadline, (rpc, isReused) =>
        rpcPing(rpc, context, {
          controlExchange,
          timeoutMs: deadline - performance.now(),
          graceMs: noConsumerGraceMs,
          confirmTimeoutMs: isReused ? CONFIRM_TIMEOUT_MS : undefined,
        }),
      );
    } catch (error) {
      if (isBrokerError(error)) return { reachable: false, reason: error.reason, cause: error.message };
      throw error;
    }
  }
}

/** A call that failed because its connection was lost says nothing of the guest. */
function connectionLoss(error: unknown): Unreachability | undefined {
  if (!(error instanceof MessageDeliveryFailure) || error.how === 'refused') return undefined;
  return error.how === 'unconfirmed' ? 'connection_timeout' : 'connection_terminated';
}

/** Lambda's names of function, version and log stream, so that an operator finds the connection's owner. */
function connectionName({
  AWS_LAMBDA_FUNCTION_NAME: name = 'guest-rpc-ping',
  AWS_LAMBDA_FUNCTION_VERSION: version = '',
  AWS_LAMBDA_LOG_STREAM_NAME: logStream = '',
}: NodeJS.ProcessEnv): string {
  return [name, version, logStream].filter((part) => part !== '').join(' ');
}
