import type { PingEvent } from './bare-call.ts';
import { open } from './bare-connection.ts';
import { ping } from './bare-ping.ts';

// The limit: a handler that begins to connect while the module loads.

const opening = open(process.env['BROKER_URL'] ?? '');

export async function handler(event: PingEvent): Promise<object> {
  return ping(await opening, event);
}
