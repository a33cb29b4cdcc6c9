import { type AddressProblem, type BrokerAddress, parseAddress, parseEndpoint } from '../broker/address.ts';
import type { AmazonMqSettings } from '../broker/amazon-mq-locator.ts';
import {
  InvalidConfig,
  isLoopback,
  parseSafeUrl,
  parseServiceUrl,
  readFlag,
  readList,
  readNumber,
  requireAmqpName,
  requireVerifiedTls,
  type Variables,
} from './variables.ts';

/** The broker's whole address, for local use, or what leads to a broker of Amazon MQ. */
export type BrokerSettings = { readonly address: BrokerAddress } | AmazonMqSettings;

/** The settings of one execution environment. */
export type Config = Readonly<ReturnType<typeof readConfig>>;

/** Keystone, and what counts as admin there. */
export type KeystoneSettings = Readonly<NonNullable<ReturnType<typeof readKeystone>>>;

/** A JSON file `{"<instance_id>": "<key>"}`, for local use, or what the name of a key's secret begins with. */
export type GuestKeySettings = { readonly file: string } | { readonly secretPrefix: string };

/** Reads the settings from environment variables. @throws InvalidConfig */
export function readConfig(env: Variables) {
  requireVerifiedTls(env);
  const broker = readBroker(env);
  return {
    broker,
    /** RabbitMQ's management API; undefined: port 443 of the broker's host. */
    managementUrl: readManagementUrl(env, broker),
    /** The deployment's `control_exchange`. */
    controlExchange: requireAmqpName('CONTROL_EXCHANGE', env['CONTROL_EXCHANGE'] || 'trove'),
    /** How long to wait for the pong, in milliseconds. */
    rpcTimeoutMs: 1000 * readNumber(env, 'RPC_TIMEOUT_SECONDS', 'seconds', 15, 900),
    /** How long to wait while nobody consumes the guest's queue, in milliseconds. */
    noConsumerGraceMs: 1000 * readNumber(env, 'NO_CONSUMER_GRACE_SECONDS', 'seconds', 0.25, 900),
    /** Where the guests' RPC keys are kept; undefined: all guests are plaintext. */
    guestKeys: readGuestKeys(env),
    /** Whether a guest with a key that answers in the clear counts as one that does not use its key. */
    requireEncryption: readFlag(env, 'REQUIRE_ENCRYPTION'),
    /** Undefined: Keystone is not asked about callers; API Gateway checks them. */
    keystone: readKeystone(env),
  };
}

const ADDRESS_PROBLEMS = {
  malformed: 'is not an amqp:// or amqps:// URL',
  several_brokers: 'names more than one broker: give one, or the balancer before them',
  not_escaped:
    'has a user name, password or virtual host with a character that must be percent-encoded: one of : / ? # [ ] @ %',
} as const satisfies Record<AddressProblem, string>;

function readBroker(env: Variables): BrokerSettings {
  const { BROKER_URL: url, BROKER_ENDPOINT: endpointUrl, BROKER_ID: brokerId } = env;
  if (url) {
    const address = parseAddress(url);
    if (typeof address === 'string') throw new InvalidConfig(`BROKER_URL ${ADDRESS_PROBLEMS[address]}`);
    requireAmqpName('BROKER_URL', address.vhost);
    return { address };
  }
  if (!endpointUrl && !brokerId)
    throw new InvalidConfig('BROKER_URL, BROKER_ENDPOINT or BROKER_ID must be set');
  const { BROKER_SECRET_ID: secretId } = env;
  if (!secretId) throw new InvalidConfig('BROKER_SECRET_ID must be set, unless BROKER_URL is');
  const login = { vhost: requireAmqpName('BROKER_VHOST', env['BROKER_VHOST'] || '/'), secretId };
  if (!endpointUrl) return { broker: { endpoint: undefined, id: brokerId ?? '' }, ...login };
  const endpoint = parseEndpoint(endpointUrl);
  if (!endpoint || (endpoint.protocol === 'amqp' && !isLoopback(endpoint.hostname)))
    throw new InvalidConfig('BROKER_ENDPOINT is not an amqps://host:port URL');
  return { broker: { endpoint, id: brokerId || undefined }, ...login };
}

/** The URL that the broker's login is sent to: in the clear on loopback alone, or where AMQP sends it so as well. */
function readManagementUrl(env: Variables, broker: BrokerSettings): string | undefined {
  const text = env['BROKER_MANAGEMENT_URL'];
  if (!text) return undefined;
  const isClear = 'address' in broker && broker.address.protocol === 'amqp';
  if (!parseSafeUrl(text, isClear))
    throw new InvalidConfig('BROKER_MANAGEMENT_URL is not an https:// URL without a login in it');
  return text;
}

/** Callers' tokens are sent to it. */
export function readKeystone(env: Variables) {
  const text = env['KEYSTONE_URL'];
  if (!text) return undefined;
  const url = parseServiceUrl(text);
  if (url === undefined || !url.endsWith('/v3'))
    throw new InvalidConfig('KEYSTONE_URL is not an https://…/v3 URL without a login in it');
  const roles = readList(env, 'KEYSTONE_ADMIN_ROLES', 'roles', 'admin');
  return {
    /** Its v3 API, `https://…/v3`, without a slash at the end. */
    url,
    /** Names of roles, in lower case. */
    adminRoles: roles.map((role) => role.toLowerCase()),
  };
}

function readGuestKeys(env: Variables): GuestKeySettings | undefined {
  const { GUEST_KEYS_FILE: file, GUEST_KEY_SECRET_PREFIX: secretPrefix } = env;
  if (file) return { file };
  return secretPrefix ? { secretPrefix } : undefined;
}
