import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, freePort, lineOf } from './child.ts';
import { ensureDebianPackages, isCommand } from './debian-packages.ts';

/** Where a `rabbitmq-server` is found that runs as whoever starts it (Debian's in /usr/sbin insists on its own user). */
const SERVERS = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/homebrew/sbin/rabbitmq-server'];

const INSTALL_HINT = 'Install RabbitMQ (rabbitmq-server) or Docker, or set BROKER_URL to a broker of yours.';

interface Ports {
  readonly amqp: number;
  readonly management: number;
}

/** A RabbitMQ of our own, with its own node name, ports and data folder, all gone when it is stopped. */
export class RabbitMq {
  readonly url: string;
  readonly managementUrl: string;
  readonly description: string;
  readonly #stop: () => Promise<void>;

  /** Starts a server as child process, installed before if need be, or else in Docker. */
  static async start(): Promise<RabbitMq> {
    const ports = { amqp: await freePort(), management: await freePort() };
    const installed = SERVERS.find(existsSync);
    if (installed) return startServer(installed, ports);
    if (ensureDebianPackages('rabbitmq-server')) return startServer(SERVERS[0] ?? '', ports);
    if (isCommand('docker')) return startContainer(ports);
    throw new Error(`There is no RabbitMQ here and no way to install it. ${INSTALL_HINT}`);
  }

  constructor(ports: Ports, description: string, stop: () => Promise<void>) {
    this.url = `amqp://guest:guest@127.0.0.1:${ports.amqp}`;
    this.managementUrl = `http://127.0.0.1:${ports.management}`;
    this.description = description;
    this.#stop = stop;
  }

  /** Ends the server at once and removes all that it wrote. */
  async stop(): Promise<void> {
    await this.#stop();
  }
}

async function startServer(server: string, ports: Ports): Promise<RabbitMq> {
  const folder = await mkdtemp(join(tmpdir(), 'guest-rpc-ping-rabbitmq-'));
  const [epmdPort, distPort] = [await freePort(), await freePort()];
  const env = await configure(folder, ports, distPort, epmdPort);
  // Erlang's port mapper, started here rather than by Erlang, so that it does not outlive us as a daemon.
  const epmd = spawn('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], { stdio: 'ignore' });
  const rabbit = spawn(server, { env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const stop = async () => {
    await end(rabbit, 'SIGKILL', true);
    await end(epmd, 'SIGTERM');
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await started(epmd, rabbit, join(folder, 'log'));
    return new RabbitMq(ports, `RabbitMQ on port ${ports.amqp}, data in ${folder}`, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function started(epmd: ChildProcess, rabbit: ChildProcess, logFolder: string): Promise<void> {
  const epmdFailed = Promise.withResolvers<never>();
  epmd.once('error', epmdFailed.reject);
  if (!rabbit.stdout) throw new Error('RabbitMQ has no standard output');
  await Promise.race([lineOf(rabbit, rabbit.stdout, /completed with \d+ plugins/), epmdFailed.promise]).catch(
    (error) => {
      throw new Error(`RabbitMQ did not start (see ${logFolder})`, { cause: error });
    },
  );
}

async function configure(
  folder: string,
  ports: Ports,
  distPort: number,
  epmdPort: number,
): Promise<NodeJS.ProcessEnv> {
  const path = (name: string) => join(folder, name);
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
    ].join('\n'),
  );
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: path('home'), // for the Erlang cookie
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: `guest-rpc-ping-${ports.amqp}@localhost`,
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: path('env.conf'),
    RABBITMQ_CONFIG_FILE: path('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path('enabled_plugins'),
    RABBITMQ_MNESIA_BASE: path('data'),
    RABBITMQ_LOG_BASE: path('log'),
  };
}

/** For machines with Docker and without apt. The container removes itself. */
async function startContainer(ports: Ports): Promise<RabbitMq> {
  const image = 'rabbitmq:3.13-management';
  console.log(`RabbitMQ is not installed here: running ${image} in Docker …`);
  const publish = [`127.0.0.1:${ports.amqp}:5672`, `127.0.0.1:${ports.management}:15672`];
  const args = ['run', '--rm', '--init', ...publish.flatMap((port) => ['--publish', port]), image];
  const docker = spawn('docker', args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  await lineOf(docker, docker.stdout, /completed with \d+ plugins|Server startup complete/);
  return new RabbitMq(ports, `RabbitMQ in Docker on port ${ports.amqp}`, () => end(docker, 'SIGTERM'));
}
