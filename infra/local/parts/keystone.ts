import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { end, killWithThisProcess, lineOf, PYTHON_ENV } from './child.ts';
import { ensureDebianPackages } from './debian-packages.ts';
import { freePort } from './free-port.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** How a token's scope is asked for, as Keystone's API has it; undefined: the user's default, or none. */
export type Scope = 'unscoped' | Readonly<Record<string, unknown>> | undefined;

interface KeystoneAnswer {
  readonly headers: Headers;
  readonly body: Readonly<Record<string, Record<string, unknown>>>;
}

const TOKEN_LIFETIME_SECONDS = 86_400;

/** A real Keystone of our own: SQLite, Fernet tokens, its own port and folder, all gone when it is stopped. */
export class Keystone {
  /** Its v3 API. */
  readonly url: string;
  readonly #folder: TemporaryFolder;
  readonly #port: number;
  /** Of the user `admin`, by which all is set up; nobody else has it. */
  readonly #password = randomBytes(16).toString('hex');
  #server: ChildProcess | undefined;
  #adminToken: string | undefined;

  /**
   * Starts Debian's Keystone as child process, installed before if need be.
   *
   * @returns undefined where it cannot be installed
   */
  static async start(): Promise<Keystone | undefined> {
    if (!ensureDebianPackages('python3-keystone')) return undefined;
    const keystone = new Keystone(new TemporaryFolder('keystone'), await freePort());
    try {
      await keystone.#setUp();
      await keystone.boot();
      return keystone;
    } catch (error) {
      await keystone.stop();
      throw error;
    }
  }

  private constructor(folder: TemporaryFolder, port: number) {
    this.url = `http://127.0.0.1:${port}/v3`;
    this.#folder = folder;
    this.#port = port;
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  /** Starts the server process: the first one, or the next one after {@link crash}. */
  async boot(tokenLifetimeSeconds = TOKEN_LIFETIME_SECONDS): Promise<void> {
    await writeFile(this.#configFile, config(this.#folder, tokenLifetimeSeconds));
    const args = ['/usr/bin/keystone-wsgi-public', '--host', '127.0.0.1', '--port', String(this.#port)];
    const env = { ...PYTHON_ENV, OS_KEYSTONE_CONFIG_FILES: this.#configFile };
    const server = spawn('/usr/bin/python3', args, { env, detached: true });
    this.#server = server;
    killWithThisProcess(server);
    await lineOf(server, /^Available at /);
  }

  /** Kills the server process; its data stay. */
  async crash(): Promise<void> {
    if (this.#server) await end(this.#server, 'SIGKILL');
  }

  async stop(): Promise<void> {
    await this.crash();
    await this.#folder.remove();
  }

  /** Calls Keystone's API, as the user `admin` unless a token is given. */
  async request(method: string, path: string, body?: object, token?: string): Promise<KeystoneAnswer> {
    return this.#send(method, path, { 'X-Auth-Token': token ?? (await this.#admin()) }, body);
  }

  /** @returns the new project's id */
  async createProject(name: string): Promise<string> {
    const { body } = await this.request('POST', 'projects', { project: { name } });
    return String(body['project']?.['id']);
  }

  /** @returns the new user's id; the password is the name */
  async createUser(name: string): Promise<string> {
    const { body } = await this.request('POST', 'users', { user: { name, password: name } });
    return String(body['user']?.['id']);
  }

  /** Gives a user a role, which is made if there is none of this name. @param on `projects/ID`, `domains/ID` or `system` */
  async grant(userId: string, role: string, on: string): Promise<void> {
    const { body } = await this.request('GET', `roles?name=${encodeURIComponent(role)}`);
    const [known] = Object.values(body['roles'] ?? {}).map((found) => Object(found).id);
    const made =
      known ?? (await this.request('POST', 'roles', { role: { name: role } })).body['role']?.['id'];
    await this.request('PUT', `${on}/users/${userId}/roles/${made}`);
  }

  /** Logs a user in. @param password by default the name @returns a token */
  login(name: string, scope?: Scope, password = name): Promise<string> {
    const user = { name, password, domain: { id: 'default' } };
    return this.authenticate({ methods: ['password'], password: { user } }, scope);
  }

  /** @param identity as `POST /v3/auth/tokens` has it */
  async authenticate(identity: object, scope?: Scope): Promise<string> {
    const auth = { identity, ...(scope && { scope }) };
    const { headers } = await this.#send('POST', 'auth/tokens', {}, { auth });
    return headers.get('x-subject-token') ?? '';
  }

  /** For a user, with the roles that the user has in the project. */
  async createApplicationCredential(
    user: string,
    projectId: string,
  ): Promise<{ readonly id: unknown; readonly secret: unknown }> {
    const token = await this.login(user, { project: { id: projectId } });
    const { body } = await this.request('GET', `users?name=${user}`);
    const [found] = Object.values(body['users'] ?? {});
    const path = `users/${Object(found).id}/application_credentials`;
    const wanted = { application_credential: { name: 'sweep' } };
    const made = await this.request('POST', path, wanted, token);
    const { id, secret } = made.body['application_credential'] ?? {};
    return { id, secret };
  }

  async #admin(): Promise<string> {
    const project = { name: 'admin', domain: { id: 'default' } };
    this.#adminToken ??= await this.login('admin', { project }, this.#password);
    return this.#adminToken;
  }

  async #send(method: string, path: string, headers: object, body?: object): Promise<KeystoneAnswer> {
    const response = await fetch(`${this.url}/${path}`, {
      method,
      headers: { ...headers, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Keystone, ${method} ${path}: ${response.status} ${text}`);
    return { headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
  }

  get #configFile(): string {
    return this.#folder.file('keystone.conf');
  }

  async #setUp(): Promise<void> {
    await writeFile(this.#configFile, config(this.#folder, TOKEN_LIFETIME_SECONDS));
    for (const name of ['fernet', 'credential']) {
      await mkdir(this.#folder.file(name), { mode: 0o700 });
      // As `keystone-manage ${name}_setup` would write them: the staged key, and the primary one.
      for (const index of ['0', '1']) {
        const key = `${randomBytes(32).toString('base64url')}=`;
        await writeFile(join(this.#folder.file(name), index), key, { mode: 0o600 });
      }
    }
    await this.#manage('db_sync');
    await this.#manage('bootstrap');
    // Keystone reads by one connection while it writes by another, which SQLite allows only with a write-ahead log.
    const script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode = WAL')";
    await promisify(execFile)('/usr/bin/python3', ['-c', script, this.#folder.file('keystone.sqlite')]);
  }

  async #manage(...args: string[]): Promise<void> {
    const env = {
      ...PYTHON_ENV,
      OS_BOOTSTRAP_PASSWORD: this.#password, // not for everybody to see in the list of processes
      OS_BOOTSTRAP_PUBLIC_URL: this.url,
      OS_BOOTSTRAP_INTERNAL_URL: this.url, // by which OpenStack's own services ask it
      OS_BOOTSTRAP_REGION_ID: 'local',
    };
    await promisify(execFile)('keystone-manage', ['--config-file', this.#configFile, ...args], { env });
  }
}

function config(folder: TemporaryFolder, tokenLifetimeSeconds: number): string {
  return `
[database]
connection = sqlite:///${folder.file('keystone.sqlite')}
[token]
provider = fernet
expiration = ${tokenLifetimeSeconds}
[identity]
password_hash_rounds = 4
[fernet_tokens]
key_repository = ${folder.file('fernet')}
[fernet_receipts]
key_repository = ${folder.file('fernet')}
[credential]
key_repository = ${folder.file('credential')}
`;
}
