import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FunctionSettings } from './function-settings.ts';

/** Where the state of the fleets is, one file for each, unless `FLEET_STATE_URL` says where. */
function stateFolder(): string {
  return join(process.env['XDG_STATE_HOME'] || join(homeFolder(), '.local', 'state'), 'guest-rpc-ping');
}

/** @throws for a user without a home, such as a number without a name in a container */
function homeFolder(): string {
  try {
    return homedir();
  } catch (cause) {
    throw new Error('This user has no home folder: set HOME, or FLEET_STATE_URL.', { cause });
  }
}

/**
 * Where the commands of this machine keep what they know of a fleet, so that the next sweep can say what has changed. Each fleet,
 * that is each broker, virtual host and control exchange, has a file of its own; its name has nothing of the login.
 *
 * @returns a `file:` URL
 */
export function fleetStateUrl(settings: FunctionSettings): string {
  const { BROKER_URL: text, BROKER_ENDPOINT: endpoint = '', BROKER_ID: id = '' } = settings;
  const { BROKER_VHOST: vhost = '/', CONTROL_EXCHANGE: exchange = 'trove' } = settings;
  const url = text === undefined ? undefined : new URL(text);
  const fleet = url ? [url.host, url.pathname, exchange] : [endpoint, id, vhost, exchange];
  const name = createHash('sha256').update(JSON.stringify(fleet)).digest('hex').slice(0, 16);
  return pathToFileURL(join(stateFolder(), `fleet-${name}.json`)).href;
}
