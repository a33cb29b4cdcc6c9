import { CodedError } from '../coded-error.ts';

/** Environment variables; an empty one counts as unset. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A setting is missing or wrong. The message names the setting and never shows a value. */
export class InvalidConfig extends CodedError {
  readonly code = 'invalid_config';
  override readonly isForDeployer = true;
}

/** What `read` reads; wrong settings as a value, so that the first invocation can report them. */
export function orInvalidConfig<T>(read: () => T): T | InvalidConfig {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidConfig) return error;
    throw error;
  }
}

/** @throws InvalidConfig where TLS certificates are not verified: passwords and tokens would go to anyone */
export function requireVerifiedTls({ NODE_TLS_REJECT_UNAUTHORIZED: setting }: Variables): void {
  if (setting === '0')
    throw new InvalidConfig(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 is not allowed: it lets anyone pose as the broker',
    );
}

/** Reads a number above 0 and up to `most`; fractions are allowed. @throws InvalidConfig */
export function readNumber(
  env: Variables,
  name: string,
  unit: string,
  byDefault: number,
  most: number,
): number {
  const number = Number(env[name] || byDefault);
  if (!(number > 0 && number <= most))
    throw new InvalidConfig(`${name} is not a number of ${unit} up to ${most}`);
  return number;
}

/** Reads a whole number from `least` to `most`. @throws InvalidConfig */
export function readCount(env: Variables, name: string, byDefault: number, most: number, least = 1): number {
  const count = Number(env[name] || byDefault);
  if (!Number.isInteger(count) || count < least || count > most)
    throw new InvalidConfig(`${name} is not a whole number from ${least} to ${most}`);
  return count;
}

/** Reads `true` or `false`, by default `false`. @throws InvalidConfig */
export function readFlag(env: Variables, name: string): boolean {
  const text = env[name] || 'false';
  if (text !== 'true' && text !== 'false') throw new InvalidConfig(`${name} is neither true nor false`);
  return text === 'true';
}

/** The longest name of AMQP's, in bytes: that of an exchange, a queue or a virtual host. */
const MAX_NAME_BYTES = 255;

/** @throws InvalidConfig where a text is too long for a name of AMQP's */
export function requireAmqpName(setting: string, text: string): string {
  if (Buffer.byteLength(text) > MAX_NAME_BYTES)
    throw new InvalidConfig(`${setting} has a name of more than ${MAX_NAME_BYTES} bytes`);
  return text;
}

/** Reads a list, joined by commas; its items are trimmed. @throws InvalidConfig where one is empty */
export function readList(env: Variables, name: string, of: string, byDefault: string): string[] {
  const items = (env[name] || byDefault).split(',').map((item) => item.trim());
  if (items.includes('')) throw new InvalidConfig(`${name} is not a list of ${of}, joined by commas`);
  return items;
}

/**
 * Parses a URL that passwords or tokens are sent to: https, or http on loopback.
 *
 * @param isClearAllowed http is allowed anywhere
 * @returns undefined where it is no such URL, or has a login in it
 */
export function parseSafeUrl(text: string, isClearAllowed = false): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && (isClearAllowed || isLoopback(url.hostname)));
  return isSafe && !url.username && !url.password ? url : undefined;
}

/** The URL of an API of OpenStack that tokens are sent to, without a slash at the end; undefined: it is none, or not safe. */
export function parseServiceUrl(text: string): string | undefined {
  const url = parseSafeUrl(text);
  return url && !url.search && !url.hash ? url.href.replace(/\/$/, '') : undefined;
}

/** A password or a token may travel in the clear on loopback alone. */
export function isLoopback(hostname: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(hostname) || /^127(\.\d+){3}$/.test(hostname);
}
