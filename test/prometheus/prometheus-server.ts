import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { end, killWithThisProcess } from '../../infra/local/parts/child.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { eventually } from '../setup/eventually.ts';

/** Outside the repository, so that another checkout finds it too. */
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'guest-rpc-ping');
const FOLDERS = ['/usr/bin', join(CACHE, 'prometheus', 'usr', 'bin')];

/** Unpacks Debian's package, of which Prometheus needs no other, and which is not installed. */
const DOWNLOAD = `
  set -e
  folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
  apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }
  dpkg-deb -x prometheus_*.deb unpacked
  rm -rf "$1" && mv unpacked "$1"
`;

/** The folder of `prometheus` and `promtool`. @throws where Debian's package cannot be had */
export function ensurePrometheus(): string {
  const found = () => FOLDERS.find((folder) => existsSync(join(folder, 'promtool')));
  if (found() === undefined) {
    const root = join(CACHE, 'prometheus');
    console.log(`Unpacking Debian's prometheus (19 MB) into ${root} …`);
    mkdirSync(CACHE, { recursive: true });
    spawnSync('flock', [`${root}.lock`, 'sh', '-c', DOWNLOAD, 'sh', root], {
      stdio: 'ignore',
    });
  }
  const folder = found();
  if (folder === undefined) throw new Error("Debian's package prometheus cannot be downloaded here");
  return folder;
}

export function promtool(args: string[], input = ''): string {
  return execFileSync(join(ensurePrometheus(), 'promtool'), args, {
    input,
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

/** An alert as Prometheus' API shows it. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** A sample of an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** Debian's Prometheus, with a folder of its own. */
export class PrometheusServer {
  readonly url: string;
  readonly #child: ChildProcess;

  static async start(configFile: string, dataFolder: string): Promise<PrometheusServer> {
    const server = new PrometheusServer(configFile, dataFolder, await freePort());
    await eventually(
      () =>
        fetch(`${server.url}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      (isReady) => isReady,
      60_000,
    );
    return server;
  }

  private constructor(configFile: string, dataFolder: string, port: number) {
    this.url = `http://127.0.0.1:${port}`;
    const options = {
      'config.file': configFile,
      'storage.tsdb.path': dataFolder,
      'web.listen-address': `127.0.0.1:${port}`,
      'log.level': 'error',
    };
    const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    this.#child = spawn(join(ensurePrometheus(), 'prometheus'), flags, {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    killWithThisProcess(this.#child);
  }

  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = await this.#ask(`query?${new URLSearchParams({ query: expression })}`);
    return result;
  }

  async alerts(name: string): Promise<readonly Alert[]> {
    const { alerts } = await this.#ask('alerts');
    return alerts.filter(({ labels }: Alert) => labels['alertname'] === name);
  }

  /** Labels of the targets of a job, before relabelling has dropped those that begin with two underscores. */
  async targets(job: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const { activeTargets } = await this.#ask(`targets?${new URLSearchParams({ scrapePool: job })}`);
    const ofJob = activeTargets.filter(({ scrapePool }: { scrapePool: string }) => scrapePool === job);
    return ofJob.map(({ labels, scrapeUrl }: { labels: object; scrapeUrl: string }) => ({
      ...labels,
      scrapeUrl,
    }));
  }

  async end(): Promise<void> {
    await end(this.#child, 'SIGKILL');
  }

  async #ask(path: string) {
    const { status, data, error } = Object(await (await fetch(`${this.url}/api/v1/${path}`)).json());
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  }
}
