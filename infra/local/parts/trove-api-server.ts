import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { end, killWithThisProcess, lineOf, PYTHON_ENV } from './child.ts';
import { debianCommand } from './debian-root.ts';
import { freePort } from './free-port.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** How often the server is asked whether it listens, and at what interval. */
const LISTENING_TRIES = 300;
const LISTENING_MS = 100;

/** Trove's own API server, in a process of its own (`trove_api.py`). */
export class TroveApiServer {
  readonly url: string;
  readonly #python: ChildProcess;
  readonly #folder: TemporaryFolder;

  /** @param keys the instances' ids with their RPC keys; null: in the clear @param more further lines of trove.conf */
  static async start(
    brokerUrl: string,
    keys: Readonly<Record<string, string | null>>,
    more = '',
  ): Promise<TroveApiServer> {
    const folder = new TemporaryFolder('trove-api');
    const port = await freePort();
    await writeFile(folder.file('trove.conf'), config(brokerUrl, port, folder) + more);
    const script = join(import.meta.dirname, 'trove_api.py');
    const args = [script, '--config-file', folder.file('trove.conf'), JSON.stringify(keys)];
    const python = spawn(...debianCommand('/usr/bin/python3', ...args), {
      stdio: ['ignore', 'pipe', 'ignore'], // its log is thrown away, so that logging costs the server next to nothing
      env: PYTHON_ENV,
    });
    await lineOf(python, /^ready$/);
    const api = new TroveApiServer(`http://127.0.0.1:${port}`, python, folder);
    const isListening = () => fetch(api.url).then(Boolean, () => false);
    for (let tries = 1; !(await isListening()); tries++) {
      if (tries === LISTENING_TRIES) throw new Error("Trove's API does not listen");
      await setTimeout(LISTENING_MS);
    }
    return api;
  }

  private constructor(url: string, python: ChildProcess, folder: TemporaryFolder) {
    this.url = url;
    this.#python = python;
    this.#folder = folder;
    killWithThisProcess(python);
  }

  /** Changes Trove's database, as a taskmanager would. */
  sql(statement: string, ...values: string[]): void {
    const options = { timeout: 10_000, enableForeignKeyConstraints: false };
    const database = new DatabaseSync(this.#folder.file('trove.sqlite'), options);
    database.prepare(statement).run(...values);
    database.close();
  }

  get pid(): number {
    return this.#python.pid ?? 0;
  }

  async end(): Promise<void> {
    await end(this.#python, 'SIGKILL');
    await this.#folder.remove();
  }
}

/** A trove.conf with one worker, no limit of requests, no debug log, and the stubs of `trove_api.py`. */
function config(brokerUrl: string, port: number, folder: TemporaryFolder): string {
  const { host, username, password, pathname } = new URL(brokerUrl);
  return `
[DEFAULT]
transport_url = rabbit://${username}:${password}@${host}${pathname || '/'}
control_exchange = trove
bind_host = 127.0.0.1
bind_port = ${port}
trove_api_workers = 1
api_paste_config = ${folder.file('api-paste.ini')}
http_get_rate = 1000000000
remote_nova_client = stubs.nova
remote_neutron_client = stubs.neutron
[database]
connection = sqlite:///${folder.file('trove.sqlite')}
sqlite_synchronous = false
`;
}

/**
 * Lines of trove.conf by which Trove's API asks Keystone: as a service user, which our function does without.
 *
 * @param keystoneUrl Keystone's v3 API
 * @param project of the user `trove`, whose password is its name
 */
export function authtokenConfig(keystoneUrl: string, project: string): string {
  const root = keystoneUrl.replace('/v3', '');
  return `
[keystone_authtoken]
www_authenticate_uri = ${root}
auth_url = ${root}
auth_type = password
username = trove
password = trove
project_name = ${project}
user_domain_id = default
project_domain_id = default
`;
}
