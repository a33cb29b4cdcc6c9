import { parseJsonObject } from '../json.ts';

/** Where the broker listens. */
export interface BrokerEndpoint {
  readonly protocol: 'amqp' | 'amqps';
  readonly hostname: string;
  readonly port: number;
}

/** The login. */
export interface BrokerCredentials {
  readonly username: string;
  readonly password: string;
}

/** All that a connection needs. */
export interface BrokerAddress extends BrokerEndpoint, BrokerCredentials {
  readonly vhost: string;
}

/** What is wrong with an address. */
export type AddressProblem = 'malformed' | 'several_brokers' | 'not_escaped';

/**
 * Reads `amqp://host:port` or `amqps://host:port`, as Amazon MQ names its endpoints.
 *
 * @returns undefined when it is no such URL
 */
export function parseEndpoint(text: string): BrokerEndpoint | undefined {
  const url = parseAmqpUrl(text);
  return url && endpointOf(url);
}

/**
 * Reads `amqp[s]://user:password@host:port/vhost`; without a vhost, it is `/` (RabbitMQ's URI specification,
 * but for an empty path segment, which stands for `/` too, as in amqplib).
 */
export function parseAddress(text: string): BrokerAddress | AddressProblem {
  const [, authority = '', rest = ''] = /^amqps?:\/\/([^/?#]*)(.*)$/s.exec(text) ?? [];
  const hosts = authority.slice(authority.indexOf('@') + 1);
  if (hosts.includes(',')) return 'several_brokers';
  const isCutShort = !authority.includes('@') && rest.includes('@'); // by a character that ends an authority
  if (isCutShort || rest.includes('#') || hosts.includes('@')) return 'not_escaped';
  const url = parseAmqpUrl(text);
  if (url === undefined) return authority.includes('@') ? 'not_escaped' : 'malformed';
  try {
    const vhost = decodeURIComponent(url.pathname.slice(1)) || '/';
    const username = decodeURIComponent(url.username) || 'guest';
    const password = decodeURIComponent(url.password) || 'guest';
    return { ...endpointOf(url), vhost, username, password };
  } catch {
    return 'not_escaped';
  }
}

/** Reads a secret's `{"username": "…", "password": "…"}`. @returns undefined when it is no such JSON */
export function parseCredentials(secret: string): BrokerCredentials | undefined {
  const { username, password } = parseJsonObject(secret) ?? {};
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}

function endpointOf(url: URL): BrokerEndpoint {
  const protocol = url.protocol === 'amqps:' ? 'amqps' : 'amqp';
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (protocol === 'amqps' ? 5671 : 5672) : Number(url.port);
  return { protocol, hostname, port };
}

function parseAmqpUrl(text: string): URL | undefined {
  if (!/^amqps?:\/\/[^/]/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname === '' || url.hostname.includes(',') ? undefined : url;
}
