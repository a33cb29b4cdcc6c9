import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { shellWord } from '../../terminal/shell-word.ts';
import { afterThisProcess, end, killWithThisProcess, lineOf } from './child.ts';
import { ensureDebianPackages, isCommand } from './debian-packages.ts';
import { debianCommand, existsInDebian } from './debian-root.ts';
import { freePort } from './free-port.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** Where a `rabbitmq-server` is found that runs as whoever starts it (Debian's in /usr/sbin insists on its own user). */
const SERVERS = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/homebrew/sbin/rabbitmq-server'];

/**
 * Run where RabbitMQ cannot be installed: the version that the stack makes (`brokerVersion`). Whoever names another
 * in the environment wants that one, whatever is installed.
 */
const { RABBITMQ_IMAGE: image = 'rabbitmq:4.2-management' } = process.env;

const INSTALL_HINT = 'Install RabbitMQ (rabbitmq-server) or Docker, or set BROKER_URL to a broker of yours.';

/** Where Erlang's own client of a node is found. */
const ERL_CALLS = ['/usr/lib/erlang/bin/erl_call', '/opt/homebrew/lib/erlang/bin/erl_call'];

/** Erlang's own secret, by which nodes of a cluster know each other; in a server's folder. */
const COOKIE = 'home/.erlang.cookie';

interface Ports {
  readonly amqp: number;
  readonly management: number;
}

/** A RabbitMQ of our own, with its own node name, ports and data folder, all gone when it is stopped. */
export interface RabbitMq {
  readonly url: string;
  readonly managementUrl: string;
  readonly description: string;
  /** How a shell calls `rabbitmqctl` on it, where it is not in Docker. */
  readonly ctlCommand: string | undefined;
  /** Kills the broker and removes its files. */
  stop(): Promise<void>;
}

/**
 * Starts a RabbitMQ as child process, installed before if need be, or else in Docker.
 *
 * @throws when RabbitMQ is missing and cannot be installed; the message says what to do
 */
export async function startRabbitMq(): Promise<RabbitMq> {
  if (process.env['RABBITMQ_IMAGE'] === undefined && isServerInstallable()) return RabbitMqServer.start();
  if (isCommand('docker')) return startContainer();
  throw new Error(`There is no RabbitMQ here and no way to install it. ${INSTALL_HINT}`);
}

function isServerInstallable(): boolean {
  return SERVERS.some(existsInDebian) || ensureDebianPackages('rabbitmq-server');
}

export class RabbitMqServer implements RabbitMq {
  readonly url: string;
  readonly managementUrl: string;
  readonly description: string;
  readonly #folder: TemporaryFolder;
  readonly #env: NodeJS.ProcessEnv;
  readonly #epmd: ChildProcess;
  #server: ChildProcess | undefined;

  /** @param extraConfig further lines of rabbitmq.conf @param peer a server whose cluster the new one can join */
  static async start(extraConfig: readonly string[] = [], peer?: RabbitMqServer): Promise<RabbitMqServer> {
    const tryToStart = () => RabbitMqServer.#tryToStart(extraConfig, peer);
    // A port that was free may be taken by somebody else before the server listens on it.
    return tryToStart().catch(tryToStart);
  }

  static async #tryToStart(extraConfig: readonly string[], peer?: RabbitMqServer): Promise<RabbitMqServer> {
    const folder = new TemporaryFolder('rabbitmq');
    const ports = { amqp: await freePort(), management: await freePort() };
    const env = await configure(folder, ports, extraConfig);
    if (peer !== undefined) {
      env['ERL_EPMD_PORT'] = peer.#env['ERL_EPMD_PORT'];
      await copyFile(peer.#folder.file(COOKIE), folder.file(COOKIE));
    }
    await writeCtlScript(folder, env);
    const rabbit = new RabbitMqServer(folder, ports, env);
    try {
      await rabbit.boot();
      return rabbit;
    } catch (error) {
      await rabbit.stop();
      throw error;
    }
  }

  private constructor(folder: TemporaryFolder, ports: Ports, env: NodeJS.ProcessEnv) {
    this.url = `amqp://guest:guest@127.0.0.1:${ports.amqp}`;
    this.managementUrl = `http://127.0.0.1:${ports.management}`;
    this.description = `RabbitMQ on port ${ports.amqp}, data in ${folder.path}`;
    this.#folder = folder;
    this.#env = env;
    // Erlang's port mapper, started here rather than by Erlang, so that it does not outlive us as a daemon.
    const args = ['-port', String(env['ERL_EPMD_PORT']), '-address', '127.0.0.1'];
    this.#epmd = spawn(...debianCommand('epmd', ...args), { stdio: 'ignore', detached: true });
    this.#epmd.on('error', () => undefined); // without it the server does not start, and says so
    killWithThisProcess(this.#epmd);
  }

  /** Starts the server process: the first one, or the next one after a {@link crash}. */
  async boot(): Promise<void> {
    const server = SERVERS.find(existsInDebian) ?? 'rabbitmq-server';
    const child = spawn(...debianCommand(server), {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    this.#server = child;
    killWithThisProcess(child, true);
    await lineOf(child, /completed with \d+ plugins/);
  }

  /** Whether the server process is there, be it stopped. */
  get isRunning(): boolean {
    return this.#server?.exitCode === null && this.#server.signalCode === null;
  }

  get nodeName(): string {
    return String(this.#env['RABBITMQ_NODENAME']);
  }

  /** Stops all of the server's processes, or lets them go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.isRunning && this.#server?.pid !== undefined) process.kill(-this.#server.pid, signal);
  }

  /** Kills the server process; its data stay. */
  async crash(): Promise<void> {
    if (this.#server) await end(this.#server, 'SIGKILL', true);
  }

  /** Of a script that calls `rabbitmqctl` with this node's name and cookie. */
  get ctlCommand(): string {
    return this.#folder.file('rabbitmqctl');
  }

  /** Runs `rabbitmqctl` on the server. @returns what it printed */
  async ctl(...args: string[]): Promise<string> {
    return (await promisify(execFile)(this.ctlCommand, args)).stdout;
  }

  /** Where {@link evaluate} finds the server. */
  get erlangNode(): ErlangNode {
    return { port: Number(this.#env['RABBITMQ_DIST_PORT']), home: String(this.#env['HOME']) };
  }

  /** Evaluates an Erlang expression on the server. @throws when it fails */
  eval(expression: string): Promise<void> {
    return evaluate(this.erlangNode, expression);
  }

  async stop(): Promise<void> {
    await this.crash();
    await end(this.#epmd, 'SIGTERM');
    await this.#folder.remove();
  }
}

async function writeCtlScript(folder: TemporaryFolder, env: NodeJS.ProcessEnv): Promise<void> {
  const names = ['HOME', 'ERL_EPMD_ADDRESS', 'ERL_EPMD_PORT', 'RABBITMQ_NODENAME', 'RABBITMQ_CONF_ENV_FILE'];
  const ctl = join(dirname(SERVERS.find(existsInDebian) ?? ''), 'rabbitmqctl');
  const [program, args] = debianCommand(ctl, '--quiet');
  const words = ['exec', 'env', ...names.map((name) => `${name}=${env[name]}`), program, ...args];
  await writeFile(folder.file('rabbitmqctl'), `#!/bin/sh\n${words.map(shellWord).join(' ')} "$@"\n`, {
    mode: 0o755,
  });
}

/** A server as Erlang's programs find it, also those of another process. */
export interface ErlangNode {
  readonly port: number;
  /** The folder that has the cookie. */
  readonly home: string;
}

/** Evaluates an Erlang expression on a server, in milliseconds: `rabbitmqctl` takes seconds. @throws when it fails */
export async function evaluate({ port, home }: ErlangNode, expression: string): Promise<void> {
  const program = ERL_CALLS.find(existsInDebian) ?? 'erl_call';
  const name = randomUUID(); // of two nodes with one name, the server refuses the second
  const command = debianCommand(program, '-h', name, '-address', `127.0.0.1:${port}`, '-e');
  const call = promisify(execFile)(...command, { env: { PATH: process.env['PATH'], HOME: home } });
  call.child.stdin?.end(`${expression}.\n`);
  const { stdout } = await call;
  if (!stdout.startsWith('{ok, ')) throw new Error(`${expression}: ${stdout}`);
}

async function configure(
  folder: TemporaryFolder,
  ports: Ports,
  extraConfig: readonly string[],
): Promise<NodeJS.ProcessEnv> {
  const path = (name: string) => folder.file(name);
  await mkdir(path('home'));
  await writeFile(path('env.conf'), '');
  await writeFile(path('enabled_plugins'), '[rabbitmq_management].');
  await writeFile(
    path('rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${ports.management}`,
      'collect_statistics_interval = 500',
      'disk_free_limit.absolute = 50MB',
      ...extraConfig,
    ].join('\n'),
  );
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: path('home'), // for the Erlang cookie
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(await freePort()),
    RABBITMQ_NODENAME: `guest-rpc-ping-${ports.amqp}@localhost`,
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: path('env.conf'),
    RABBITMQ_CONFIG_FILE: path('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path('enabled_plugins'),
    RABBITMQ_MNESIA_BASE: path('data'),
    RABBITMQ_LOG_BASE: path('log'),
  };
}

/** For machines with Docker and without apt. The container is removed when it is stopped, or when this process has ended. */
async function startContainer(): Promise<RabbitMq> {
  console.log(`RabbitMQ is not installed here: running ${image} in Docker …`);
  const ports = { amqp: await freePort(), management: await freePort() };
  const name = `guest-rpc-ping-${ports.amqp}`;
  const publish = [`127.0.0.1:${ports.amqp}:5672`, `127.0.0.1:${ports.management}:15672`];
  const options = ['--rm', '--init', '--name', name, ...publish.flatMap((port) => ['--publish', port])];
  const docker = spawn('docker', ['run', ...options, image], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  // The container lives in Docker's engine, and outlasts the `docker run` that is attached to it.
  const cancel = afterThisProcess(
    'kill -KILL "$1"; docker rm --force --volumes "$2" > /dev/null 2>&1',
    String(docker.pid),
    name,
  );
  const stop = async () => {
    await end(docker, 'SIGTERM');
    cancel();
  };
  try {
    await lineOf(docker, /completed with \d+ plugins|Server startup complete/);
  } catch (error) {
    await stop();
    throw new Error(`RabbitMQ did not start in Docker. ${INSTALL_HINT}`, { cause: error });
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${ports.amqp}`,
    managementUrl: `http://127.0.0.1:${ports.management}`,
    description: `RabbitMQ in Docker on port ${ports.amqp}`,
    ctlCommand: undefined,
    stop,
  };
}
