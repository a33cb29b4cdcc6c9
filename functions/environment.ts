import { Broker } from './broker/broker.ts';
import { type BrokerError, BrokerUnreachable, isBrokerError, type Unreachability } from './broker/errors.ts';
import { type Config, type GuestKeySettings, readConfig } from './config.ts';
import type { RequestContext } from './guest/context.ts';
import { GuestKeys, type KeyLookup } from './guest/guest-keys.ts';
import { readKeyFile } from './guest/key-file.ts';
import { type PingResult, rpcPing } from './guest/rpc-ping.ts';
import { SecureSerializer } from './guest/secure-serializer.ts';
import { MessageDeliveryFailure } from './oslo/errors.ts';
import { RpcClient } from './oslo/rpc-client.ts';
import { readSecret, SecretUnavailable } from './secret.ts';

/** How long DNS, TCP, TLS and the AMQP handshake may take. */
const CONNECT_TIMEOUT_MS = 5000;

/** Proof of life of a connection that has lain idle: the publisher confirm, or any answer. */
const CONFIRM_TIMEOUT_MS = 1000;

/** What looking up a key may take of a ping's time. */
const KEY_SHARE = 0.8;

/** What one Lambda execution environment keeps from invocation to invocation: its settings and its connection. */
export class Environment {
  readonly #config: Config;
  readonly #broker: Broker<RpcClient>;
  readonly #keys: GuestKeys;

  /** Reads the settings and begins to connect. @throws InvalidConfig */
  constructor(env: NodeJS.ProcessEnv) {
    this.#config = readConfig(env);
    this.#keys = new GuestKeys(keyLookup(this.#config.guestKeys));
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

  /** How long a ping may take, in milliseconds. */
  get rpcTimeoutMs(): number {
    return this.#config.rpcTimeoutMs;
  }

  /**
   * Pings one guest over the live connection, with its key if it has one. When the key turns out to be another,
   * it is looked up again, and if it has changed, the guest is pinged once more.
   *
   * @param timeoutMs how long all of it may take, in milliseconds
   * @throws SecretUnavailable, KeyFileUnreadable, MalformedCredentials or BrokerUnknown: the deployer's to mend
   */
  async ping(context: RequestContext, timeoutMs: number): Promise<PingResult> {
    const deadline = performance.now() + timeoutMs;
    const key = await this.#keys.get(context.instanceId, KEY_SHARE * timeoutMs);
    const result = await this.#pingWithKey(context, key, deadline);
    if (result.reachable || result.reason !== 'key_mismatch') return result;
    const timeLeftMs = deadline - performance.now();
    const renewed = await this.#keys.renew(context.instanceId, timeLeftMs).catch(() => key);
    const isWorthwhile = renewed !== key && performance.now() < deadline;
    return isWorthwhile ? this.#pingWithKey(context, renewed, deadline) : result;
  }

  async #pingWithKey(
    context: RequestContext,
    key: string | undefined,
    deadline: number,
  ): Promise<PingResult> {
    const { controlExchange, noConsumerGraceMs: graceMs } = this.#config;
    const serializer = key === undefined ? undefined : new SecureSerializer(key);
    try {
      return await this.#broker.use(deadline, (rpc, { isReused, signal }) => {
        const timeoutMs = deadline - performance.now();
        if (timeoutMs <= 0) throw new BrokerUnreachable('connection_timeout'); // it took all of the time
        const confirmTimeoutMs = isReused ? CONFIRM_TIMEOUT_MS : undefined;
        return rpcPing(rpc, context, {
          controlExchange,
          timeoutMs,
          graceMs,
          confirmTimeoutMs,
          serializer,
          signal,
        });
      });
    } catch (error) {
      if (isBrokerError(error)) return brokerResult(error);
      throw error;
    }
  }
}

function brokerResult(error: BrokerError): PingResult {
  const { reason, message: cause } = error;
  if (reason === 'broker_unreachable') return { reachable: false, reason, cause, proxyError: error.how };
  return { reachable: false, reason, cause };
}

/** A guest's key is kept in a secret of its own, or locally in a file; without either, no guest has one. */
function keyLookup(settings: GuestKeySettings | undefined): KeyLookup {
  if (settings === undefined) return async () => undefined;
  if ('file' in settings) return (instanceId) => readKeyFile(settings.file, instanceId);
  return async (instanceId, timeoutMs) => {
    try {
      return (await readSecret(settings.secretPrefix + instanceId, timeoutMs)).trim();
    } catch (error) {
      if (error instanceof SecretUnavailable && error.code === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  };
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
