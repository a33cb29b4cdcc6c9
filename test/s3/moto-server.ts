import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { end, killWithThisProcess, PYTHON_ENV } from '../../infra/local/parts/child.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { ensureRelease } from '../matrix/debian-release.ts';
import { eventually } from '../setup/eventually.ts';

const ENTER = join(import.meta.dirname, '..', '..', 'infra', 'local', 'parts', 'enter-root.sh');
const PACKAGES = ['python3-moto', 'python3-flask', 'python3-flask-cors'];

/** What moto needs for other services than S3. */
const OF_OTHER_SERVICES = ['openapi-spec-validator', 'joserfc', 'docker', 'jsondiff', 'jsonpath-ng', 'yaml'];
const NEEDED = ['usr/bin/moto_server', 'usr/lib/python3/dist-packages/openapi_spec_validator'];

/** Python's server sends a date beside moto's own, by which AWS's clients would set their clocks to no time at all. */
const SERVER = `from http.server import BaseHTTPRequestHandler as Handler
from moto.server import main
Handler.send_response = Handler.send_response_only
main()`;

/** moto's server of AWS's APIs, that of another Debian, in its root folder. */
export class MotoServer {
  readonly url: string;
  readonly #root: string;
  readonly #child: ChildProcess;

  static async start(): Promise<MotoServer> {
    const root = process.env['DEBIAN_ROOT'] || ensureRelease('trixie');
    if (!NEEDED.every((path) => existsSync(join(root, path)))) install(root);
    const server = new MotoServer(root, await freePort());
    const isUp = async () => {
      const answer = await fetch(server.url).catch(() => undefined);
      return answer?.ok === true;
    };
    await eventually(isUp, (up) => up);
    return server;
  }

  private constructor(root: string, port: number) {
    this.#root = root;
    this.url = `http://127.0.0.1:${port}`;
    const command = ['python3', '-c', SERVER, '--host', '127.0.0.1', '--port', String(port)];
    this.#child = spawn('unshare', ['--mount', 'sh', ENTER, root, ...command], {
      stdio: 'ignore',
      env: PYTHON_ENV,
      detached: true,
    });
    killWithThisProcess(this.#child);
  }

  /** @throws where the bucket cannot be made */
  async createBucket(name: string): Promise<void> {
    const { ok, status } = await fetch(`${this.url}/${name}`, { method: 'PUT' });
    if (!ok) throw new Error(`The bucket cannot be made: ${status}`);
  }

  /** Runs a program of the same Debian, which has AWS's client for Python. @returns what it printed */
  run(env: Readonly<Record<string, string>>, ...command: readonly string[]): string {
    const entered = ['--mount', 'sh', ENTER, this.#root, ...command];
    return execFileSync('unshare', entered, { encoding: 'utf8', env: { ...PYTHON_ENV, ...env } });
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    await end(this.#child, 'SIGKILL');
    await ended.catch(() => undefined);
  }
}

function install(root: string): void {
  const packages = [...PACKAGES, ...OF_OTHER_SERVICES.map((name) => `python3-${name}`)];
  console.log(`Installing ${packages.join(', ')} (Debian packages) into ${root} …`);
  const script =
    'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"';
  const command = [`${root}.lock`, 'chroot', root, 'sh', '-c', script, 'install', ...packages];
  const { status, stderr } = spawnSync('flock', command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`python3-moto cannot be installed: ${stderr}`);
}
