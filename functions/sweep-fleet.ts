import { BrokerUnreachable } from './broker/errors.ts';
import { ManagementApi } from './broker/management.ts';
import { brokerResult, CONFIRM_TIMEOUT_MS, CONNECT_TIMEOUT_MS, type Environment } from './environment.ts';
import { Fleet, type Guests } from './fleet/fleet.ts';
import { type PingOne, Sweep, type Verdict } from './fleet/sweep.ts';
import { pingWithKey } from './guest/keyed-ping.ts';
import { rpcPing, type Unreachable } from './guest/ping.ts';
import type { SecureSerializer } from './guest/secure-serializer.ts';
import { SecretUnavailable } from './secrets/secrets-manager.ts';

/** Proof of life in the middle of a sweep, when a broker that lives may have much to do. */
const PROOF_TIMEOUT_MS = 10_000;

/** The whole fleet as an execution environment sees it: who belongs to it, and who answers. */
export class FleetWatch {
  /** The guests that have a queue on the broker. */
  readonly fleet: Fleet;
  readonly #environment: Environment;

  constructor(environment: Environment) {
    const management = new ManagementApi(environment.config.managementUrl, environment.locator);
    this.fleet = new Fleet((pattern, timeoutMs) => management.queues(pattern, timeoutMs));
    this.#environment = environment;
  }

  /**
   * A sweep over many guests, to be {@link run}: each has the time of a single ping.
   *
   * @param deadline until when all of it may take, in the milliseconds of `performance.now()`
   */
  sweep(guests: Guests, requestId: string, deadline: number): Sweep {
    const { config, keys } = this.#environment;
    const ping: PingOne = async (rpc, instanceId, signal) => {
      const guestDeadline = performance.now() + config.rpcTimeoutMs;
      const context = { instanceId, tenantId: null, requestId };
      const silence = {
        known: guests.get(instanceId),
        askEveryMs: Number.POSITIVE_INFINITY, // the sweep itself sees to it that the connection lives
        answerTimeoutMs: PROOF_TIMEOUT_MS,
      };
      const pingOnce = (serializer: SecureSerializer | undefined) =>
        rpcPing(rpc, context, {
          controlExchange: config.controlExchange,
          graceMs: config.noConsumerGraceMs,
          timeoutMs: guestDeadline - performance.now(),
          confirmTimeoutMs: PROOF_TIMEOUT_MS,
          silence,
          serializer,
          signal,
        });
      return pingWithKey(keys, instanceId, Math.min(guestDeadline, deadline), pingOnce).catch(keyless);
    };
    return new Sweep(guests.keys(), ping, deadline);
  }

  /**
   * Runs a sweep over the live connection.
   *
   * @returns what of the broker ended it, if anything did; a lack of time is not the broker's
   * @throws KeyFileUnreadable, SecretUnavailable (the broker's), MalformedCredentials or BrokerUnknown
   */
  async run(sweep: Sweep): Promise<Unreachable | undefined> {
    const { config, broker } = this.#environment;
    const isTimeToConnect = sweep.timeLeftMs >= CONNECT_TIMEOUT_MS;
    if (sweep.timeLeftMs === 0) return undefined;
    try {
      return await broker.use(sweep.deadline, async (rpc, { signal }) => {
        const prove = (timeoutMs: number) => rpc.proveAlive(config.controlExchange, timeoutMs);
        await prove(CONFIRM_TIMEOUT_MS); // as a single ping's confirm does
        return sweep.run(rpc, () => prove(PROOF_TIMEOUT_MS), signal);
      });
    } catch (error) {
      const isTimeOut = error instanceof BrokerUnreachable && error.how === 'connection_timeout';
      if (isTimeOut && !isTimeToConnect && sweep.timeLeftMs === 0) return undefined;
      return brokerResult(error);
    }
  }
}

/** That a guest's key cannot be read says nothing of the others. */
function keyless(error: unknown): Verdict {
  if (error instanceof SecretUnavailable) return { reachable: 'unknown', cause: error.message };
  throw error;
}
