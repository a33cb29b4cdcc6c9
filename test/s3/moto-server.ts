import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { end, killWithThisProcess, PYTHON_ENV } from '../../infra/local/parts/child.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { ensureRelease } from '../matrix/debian-release.ts';
import { eventually } from '../setup/eventually.ts';

const ENTER = join(import.meta.dirname, '..', '..', 'infra', 'local', 'parts', 'enter-root.sh');
const PACKAGES = ['python3-moto', 'python3-flask', 'python3-flask-cors'];

/** moto's server of S3, that of another Debian, in its root folder. */
export class MotoServer {
  readonly url: string;
  readonly #child: ChildProcess;

  static async start(): Promise<MotoServer> {
    const root = process.env['DEBIAN_ROOT'] || ensureRelease('trixie');
    if (!existsSync(join(root, 'usr/bin/moto_server'))) install(root);
    const server = new MotoServer(root, await freePort());
    const isUp = async () => {
      const answer = await fetch(server.url).catch(() => undefined);
      return answer?.ok === true;
    };
    await eventually(isUp, (up) => up);
    return server;
  }

  private constructor(root: string, port: number) {
    this.url = `http://127.0.0.1:${port}`;
    const command = ['moto_server', '--host', '127.0.0.1', '--port', String(port)];
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

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    await end(this.#child, 'SIGKILL');
    await ended.catch(() => undefined);
  }
}

function install(root: string): void {
  console.log(`Installing ${PACKAGES.join(', ')} (Debian packages) into ${root} …`);
  const script =
    'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"';
  const command = [`${root}.lock`, 'chroot', root, 'sh', '-c', script, 'install', ...PACKAGES];
  const { status, stderr } = spawnSync('flock', command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`python3-moto cannot be installed: ${stderr}`);
}
