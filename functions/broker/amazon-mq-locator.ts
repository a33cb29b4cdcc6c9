import type { Deadline } from '../time/deadline.ts';
import { Hops } from '../time/hops.ts';
import { type BrokerCredentials, type BrokerEndpoint, parseCredentials } from './address.ts';
import { describeBroker } from './amazon-mq.ts';
import { BrokerUnknown, MalformedCredentials } from './errors.ts';
import type { BrokerLocator } from './locator.ts';

/** A broker of Amazon MQ, and the secret with the login for it. */
export interface AmazonMqSettings {
  /** Where the broker is: its endpoint, its id by which Amazon MQ is asked, or both. */
  readonly broker:
    | { readonly endpoint: BrokerEndpoint; readonly id: string | undefined }
    | { readonly endpoint: undefined; readonly id: string };
  readonly vhost: string;
  readonly secretId: string;
}

/** The hop of a question to Amazon MQ. */
const DESCRIBE = 'describe_broker';

/** Finds a broker of Amazon MQ. An endpoint and a login, once found, are kept; a look-up that failed is repeated. */
export function amazonMqLocator(
  { broker, vhost, secretId }: AmazonMqSettings,
  readSecret: (secretId: string, deadline: Deadline) => Promise<string>,
): BrokerLocator {
  let asked: BrokerEndpoint | undefined;
  let kept: Promise<BrokerCredentials> | undefined;

  const findEndpoint = async (deadline: Deadline, hops: Hops) => {
    if (broker.endpoint !== undefined) return broker.endpoint;
    asked ??= await hops.time(DESCRIBE, askEndpoint(broker.id, deadline));
    return asked;
  };
  const readLogin = async (deadline: Deadline) => {
    try {
      const login = parseCredentials(await readSecret(secretId, deadline));
      if (login === undefined)
        throw new MalformedCredentials('The broker secret has no username and password');
      return login;
    } catch (error) {
      kept = undefined;
      throw error;
    }
  };
  const findLogin = (deadline: Deadline, hops: Hops) => {
    kept ??= hops.time('secret', readLogin(deadline));
    return kept;
  };

  return {
    async find(deadline, hops = new Hops()) {
      const login = findLogin(deadline, hops);
      login.catch(() => undefined); // for whoever awaits it
      return { ...(await findEndpoint(deadline, hops)), vhost, login };
    },
    async renewed(refused, deadline, hops = new Hops()) {
      kept = undefined;
      const [before, now] = await Promise.all([refused.login, findLogin(deadline, hops)]);
      const isSame = now.username === before.username && now.password === before.password;
      return isSame ? undefined : { ...refused, login: Promise.resolve(now) };
    },
    async state(deadline, hops) {
      if (broker.id === undefined || deadline.isOver) return undefined;
      const startMs = performance.now();
      const description = await describeBroker(broker.id, deadline).catch(() => undefined);
      hops?.addBeforeLast(DESCRIBE, performance.now() - startMs);
      return description?.state;
    },
  };
}

async function askEndpoint(brokerId: string, deadline: Deadline): Promise<BrokerEndpoint> {
  const { endpoint, state } = await describeBroker(brokerId, deadline);
  if (endpoint !== undefined) return endpoint;
  throw new BrokerUnknown(brokerId, `it has no endpoint, its state is ${state}`);
}
