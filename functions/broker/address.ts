/** Where the broker listens. */
export interface BrokerEndpoint {
  readonly protocol: 'amqp' | 'amqps';
  readonly hostname: string;
  readonly port: number;
}

/** As whom to log in. */
export interface BrokerCredentials {
  readonly username: string;
  readonly password: string;
}

/** All that a connection needs. */
export interface BrokerAddress extends BrokerEndpoint, BrokerCredentials {
  readonly vhost: string;
}

/**
 * Reads `amqp://host:port` or `amqps://host:port`, as Amazon MQ names its endpoints.
 *
 * @returns undefined when it is no such URL
 */
export function parseEndpoint(text: string): BrokerEndpoint | undefined {
  const url = parseAmqpUrl(text);
  if (url === undefined) return undefined;
  const protocol = url.protocol === 'amqps:' ? 'amqps' : 'amqp';
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (protocol === 'amqps' ? 5671 : 5672) : Number(url.port);
  return { protocol, hostname, port };
}

/**
 * Reads `amqp[s]://user:password@host:port/vhost`; without a vhost, it is `/` (RabbitMQ's URI specification,
 * but for an empty path segment, which stands for `/` too, as in amqplib).
 *
 * @returns undefined when it is no such URL
 */
export function parseAddress(text: string): BrokerAddress | undefined {
  const endpoint = parseEndpoint(text);
  const url = parseAmqpUrl(text);
  if (endpoint === undefined || url === undefined) return undefined;
  try {
    const vhost = decodeURIComponent(url.pathname.slice(1)) || '/';
    const username = decodeURIComponent(url.username) || 'guest';
    const password = decodeURIComponent(url.password) || 'guest';
    return { ...endpoint, vhost, username, password };
  } catch {
    return undefined;
  }
}

/**
 * Reads a secret's `{"username": "…", "password": "…"}`.
 *
 * @returns undefined when it is no such JSON
 */
export function parseCredentials(secret: string): BrokerCredentials | undefined {
  try {
    const { username, password } = JSON.parse(secret);
    return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
  } catch {
    return undefined;
  }
}

function parseAmqpUrl(text: string): URL | undefined {
  if (!/^amqps?:\/\/[^/]/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname === '' ? undefined : url;
}
