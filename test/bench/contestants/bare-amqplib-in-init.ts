import type { PingEvent } from './bare-call.ts';
import { open } from './bare-connection.ts';
import { ping } from './bare-ping.ts';
import { readCredentials } from './signed-secret.ts';

// The limit of a cold start on amqplib's own interface: a module that reads the secret and connects before it has loaded.

const { BROKER_ENDPOINT = '', BROKER_SECRET_ID = '' } = process.env;

const url = new URL(BROKER_ENDPOINT);
const { username, password } = await readCredentials(BROKER_SECRET_ID);
const login = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
const channel = await open(`${url.protocol}//${login}@${url.host}`);

export function handler(event: PingEvent): Promise<object> {
  return ping(channel, event);
}
