import { type BrokerAddress, parseAddress, parseEndpoint } from '../broker/address.ts';
import type { AmazonMqSettings } from '../broker/amazon-mq-locator.ts';
import { CodedError } from '../coded-error.ts';

/** The broker's whole address, for local use, or what leads to a broker of Amazon MQ. */
export type BrokerSettings = { readonly address: BrokerAddress } | AmazonMqSettings;

/** The settings of one execution environment. */
export interface Config {
  readonly broker: BrokerSettings;
  /** RabbitMQ's management API; undefined: port 443 of the broker's host. */
  readonly managementUrl: string | undefined;
  /** The deployment's `control_exchange`. */
  readonly controlExchange: string;
  /** How long to wait for the pong, in milliseconds. */
  readonly rpcTimeoutMs: number;
  /** How long to wait while nobody consumes the guest's queue, in milliseconds. */
  readonly noConsumerGraceMs: number;
  /** Where the guests' RPC keys are kept; undefined: all guests are plaintext. */
  readonly guestKeys: GuestKeySettings | undefined;
  /** Who says who a caller is; undefined: nobody is asked, API Gateway lets in whom it knows. */
  readonly keystone: KeystoneSettings | undefined;
}

/** Keystone, and what counts as admin there. */
export interface KeystoneSettings {
  /** Its v3 API, `https://…/v3`, without a slash at the end. */
  readonly url: string;
  /** Names of roles, in lower case. */
  readonly adminRoles: readonly string[];
}

/** A JSON file `{"<instance_id>": "<key>"}`, for local use, or what the name of a key's secret begins with. */
export type GuestKeySettings = { readonly file: string } | { readonly secretPrefix: string };

/** A setting is missing or wrong. The message names the setting and never shows a value. */
export class InvalidConfig extends CodedError {
  override readonly name = 'InvalidConfig';
  readonly code = 'invalid_config';
  override readonly isForDeployer = true;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings from environment variables; an empty one counts as unset.
 *
 * @throws InvalidConfig
 */
export function readConfig(env: Environment): Config {
  const broker = readBroker(env);
  return {
    broker,
    managementUrl: readManagementUrl(env, broker),
    controlExchange: env['CONTROL_EXCHANGE'] || 'trove',
    rpcTimeoutMs: readSeconds(env, 'RPC_TIMEOUT_SECONDS', 15),
    noConsumerGraceMs: readSeconds(env, 'NO_CONSUMER_GRACE_SECONDS', 1),
    guestKeys: readGuestKeys(env),
    keystone: readKeystone(env),
  };
}

function readBroker(env: Environment): BrokerSettings {
  const {
    BROKER_URL: url,
    BROKER_ENDPOINT: endpointUrl,
    BROKER_ID: brokerId,
    BROKER_SECRET_ID: secretId,
  } = env;
  if (url) {
    const address = parseAddress(url);
    if (!address) throw new InvalidConfig('BROKER_URL is not an amqp:// or amqps:// URL');
    return { address };
  }
  const vhost = env['BROKER_VHOST'] || '/';
  if (endpointUrl) {
    const endpoint = parseEndpoint(endpointUrl);
    if (!endpoint || (endpoint.protocol === 'amqp' && !isLoopback(endpoint.hostname)))
      throw new InvalidConfig('BROKER_ENDPOINT is not an amqps://host:port URL');
    return { broker: { endpoint, id: brokerId || undefined }, vhost, secretId: required(secretId) };
  }
  if (!brokerId) throw new InvalidConfig('BROKER_URL, BROKER_ENDPOINT or BROKER_ID must be set');
  return { broker: { endpoint: undefined, id: brokerId }, vhost, secretId: required(secretId) };
}

function required(secretId: string | undefined): string {
  if (secretId) return secretId;
  throw new InvalidConfig('BROKER_SECRET_ID must be set, unless BROKER_URL is');
}

/** The URL that the broker's login is sent to: in the clear on loopback alone, or where AMQP sends it so as well. */
function readManagementUrl(env: Environment, broker: BrokerSettings): string | undefined {
  const text = env['BROKER_MANAGEMENT_URL'];
  if (!text) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isClear = 'address' in broker && broker.address.protocol === 'amqp';
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && (isClear || isLoopback(url.hostname)));
  if (url === undefined || !isSafe || url.username || url.password)
    throw new InvalidConfig('BROKER_MANAGEMENT_URL is not an https:// URL without a login in it');
  return text;
}

/** A password or a token may travel in the clear on loopback alone. */
function isLoopback(hostname: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(hostname) || /^127(\.\d+){3}$/.test(hostname);
}

/** Callers' tokens are sent to it. */
export function readKeystone(env: Environment): KeystoneSettings | undefined {
  const { KEYSTONE_URL: text, KEYSTONE_ADMIN_ROLES: roles } = env;
  if (!text) return undefined;
  const url = readServiceUrl(text);
  if (url === undefined || !url.endsWith('/v3'))
    throw new InvalidConfig('KEYSTONE_URL is not an https://…/v3 URL without a login in it');
  const adminRoles = (roles || 'admin')
    .toLowerCase()
    .split(',')
    .map((role) => role.trim());
  if (adminRoles.includes(''))
    throw new InvalidConfig('KEYSTONE_ADMIN_ROLES is not a list of roles, joined by commas');
  return { url, adminRoles };
}

/** The URL of an API of OpenStack that tokens are sent to, without a slash at the end; undefined: it is none, or not safe. */
export function readServiceUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  const isBare = url && !(url.username || url.password || url.search || url.hash);
  return isSafe && isBare ? url.href.replace(/\/$/, '') : undefined;
}

function readGuestKeys(env: Environment): GuestKeySettings | undefined {
  const { GUEST_KEYS_FILE: file, GUEST_KEY_SECRET_PREFIX: secretPrefix } = env;
  if (file) return { file };
  return secretPrefix ? { secretPrefix } : undefined;
}

function readSeconds(env: Environment, name: string, defaultSeconds: number): number {
  const text = env[name];
  if (!text) return defaultSeconds * 1000;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 900))
    throw new InvalidConfig(`${name} is not a number of seconds up to 900`);
  return seconds * 1000;
}
