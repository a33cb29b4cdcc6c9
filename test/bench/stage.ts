import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { AMQP_SUBSET } from '../../infra/bundle/amqp-subset.ts';
import { BUILD_OPTIONS, bundle } from '../../infra/bundle/bundle.ts';
import { ensureDebianPackages } from '../../infra/local/parts/debian-packages.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { heapFlags } from '../../infra/local/parts/lambda-process.ts';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { TroveApiServer } from '../../infra/local/parts/trove-api-server.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import type { ProcessorShare } from '../aws-runtime/processor-share.ts';
import { makeCertificates, sslOptions } from '../setup/certificates.ts';
import { Synthesized, type SynthesizedFunction } from '../setup/synthesized.ts';
import { type Command, Contestant } from './contestant.ts';
import { EchoResponder } from './echo-responder.ts';

/** The bundled handlers: the deployed ones, those of another build, the same function as most are written, the bare limit. */
export type HandlerName =
  | 'ours'
  | 'health-check'
  | 'other'
  | 'other-health-check'
  | 'usual-way'
  | 'usual-way-in-init'
  | 'bare-amqplib'
  | 'bare-amqplib-in-init'
  | 'handshakes'
  | 'empty';

/** The RPC key of the guest that encrypts. */
export const KEY = 'a key that only the benchmark uses';

/** RabbitMQ's own default. With ten thousand queues, collecting more often would be a load of its own. */
export const STATISTICS_INTERVAL_MS = 5000;

/** What Lambda would limit. */
export interface Limits {
  /** By default that of the function that answers pings. */
  readonly memoryMb?: number;
  /** By default the whole machine. */
  readonly share?: ProcessorShare;
}

/** The parts that all scenarios need: a broker over TCP and TLS, real guests, and the bundles. */
export class Stage {
  readonly plainId = randomUUID();
  readonly encryptedId = randomUUID();
  readonly echoId = randomUUID();
  /** A real guest that was shut down. */
  readonly stoppedId = randomUUID();
  /** A guest that never registered. */
  readonly absentId = randomUUID();
  /** undefined where Debian's packages of Trove cannot be installed. */
  readonly guests: TroveGuests | undefined;
  readonly rabbit: RabbitMqServer;
  readonly tlsUrl: string;
  readonly caFile: string;
  readonly folder: TemporaryFolder;
  /** The function that answers pings, as synthesized. */
  readonly ping: SynthesizedFunction;
  /** Whether there is another build to compare with. */
  readonly hasOther: boolean;
  readonly #bundles: Readonly<Record<HandlerName | 'invoker', string>>;
  #troveApi: Promise<TroveApiServer> | undefined;
  readonly #leaving: (() => Promise<unknown>)[] = [];

  /** @param against a checkout of another commit, whose functions are bundled in its `dist/` */
  static async set(against?: string): Promise<Stage> {
    if (!ensureDebianPackages('rabbitmq-server')) throw new Error('The benchmark needs a RabbitMQ server');
    const folder = new TemporaryFolder('bench');
    await makeCertificates(folder.path, 'good');
    const tlsPort = await freePort();
    const rabbit = await RabbitMqServer.start([
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      ...sslOptions(folder.path, 'good'),
      `collect_statistics_interval = ${STATISTICS_INTERVAL_MS}`,
    ]);
    const guests = await TroveGuests.host({ brokerUrl: rabbit.url, debug: false });
    const stack = await Synthesized.stack();
    const ping = stack.function('rpc-ping');
    const stage = new Stage(
      folder,
      rabbit,
      tlsPort,
      guests,
      ping,
      await bundles(against),
      against !== undefined,
    );
    stage.onLeaving(() => stack.remove());
    await guests?.start(stage.plainId);
    await guests?.start(stage.encryptedId, { key: KEY });
    await guests?.start(stage.stoppedId);
    await guests?.stop(stage.stoppedId);
    const echo = new EchoResponder(rabbit.url);
    stage.onLeaving(() => echo.end());
    await echo.answerFor([stage.echoId]);
    return stage;
  }

  private constructor(
    folder: TemporaryFolder,
    rabbit: RabbitMqServer,
    tlsPort: number,
    guests: TroveGuests | undefined,
    ping: SynthesizedFunction,
    bundled: Record<HandlerName | 'invoker', string>,
    hasOther: boolean,
  ) {
    this.folder = folder;
    this.rabbit = rabbit;
    this.tlsUrl = `amqps://guest:guest@localhost:${tlsPort}`;
    this.caFile = folder.file('ca.pem');
    this.guests = guests;
    this.ping = ping;
    this.hasOther = hasOther;
    this.#bundles = bundled;
  }

  /**
   * Starts one of the handlers in a process of its own.
   *
   * @param settings by default the broker's URL over TCP
   */
  handler(
    name: HandlerName,
    first: Command,
    settings: Readonly<Record<string, string>> = { BROKER_URL: this.rabbit.url },
    limits: Limits = {},
  ): Contestant {
    return this.bundle(this.path(name), first, settings, limits);
  }

  /** The file of a bundled handler. */
  path(name: HandlerName): string {
    return this.#bundles[name];
  }

  /** Starts a bundle that exports a handler, with the heap limited as on Lambda. */
  bundle(
    path: string,
    first: Command,
    settings: Readonly<Record<string, string>> = {},
    { memoryMb = this.ping.memoryMb, share }: Limits = {},
  ): Contestant {
    const args = [...heapFlags(memoryMb), this.#bundles.invoker, path, JSON.stringify(first)];
    return new Contestant(...(share?.command(process.execPath, args) ?? [process.execPath, args]), settings);
  }

  /** Starts Trove's API server, once, with the real guests as its instances. */
  troveApi(): Promise<TroveApiServer> {
    const keys = {
      [this.plainId]: null,
      [this.encryptedId]: KEY,
      [this.stoppedId]: null,
      [this.absentId]: null,
    };
    this.#troveApi ??= TroveApiServer.start(this.rabbit.url, keys);
    return this.#troveApi;
  }

  /** Registers a function that {@link leave} calls; the last one registered is called first. */
  onLeaving(leave: () => Promise<unknown>): void {
    this.#leaving.unshift(leave);
  }

  async leave(): Promise<void> {
    for (const leave of this.#leaving) await leave();
    await (await this.#troveApi)?.end();
    await this.guests?.end();
    await this.rabbit.stop();
    await this.folder.remove();
  }
}

/** The command to ping a guest `times` times, one ping after the other. */
export function pings(id: string, times: number): Command {
  return { ids: [id], times, inFlight: 1 };
}

async function bundles(against = ''): Promise<Record<HandlerName | 'invoker', string>> {
  return {
    other: resolve(against, 'dist', 'rpc-ping', 'index.mjs'),
    'other-health-check': resolve(against, 'dist', 'health-check', 'index.mjs'),
    ours: await bundle('rpc-ping'),
    'health-check': await bundle('health-check'),
    // With what is used of the SDK in the bundle, which loads sooner than the runtime's whole SDK, CDK's default.
    'usual-way': await bundleContestant('usual-way', WITH_SDK),
    'usual-way-in-init': await bundleContestant('usual-way-in-init', WITH_SDK),
    'bare-amqplib': await bundleContestant('bare-amqplib'),
    'bare-amqplib-in-init': await bundleContestant('bare-amqplib-in-init'),
    handshakes: await bundleContestant('handshakes', { plugins: [...BUILD_OPTIONS.plugins, AMQP_SUBSET] }),
    empty: await bundleContestant('empty'),
    invoker: await bundleContestant('invoker'),
  };
}

const WITH_SDK: BuildOptions = { external: [], mainFields: ['module', 'main'] };

async function bundleContestant(name: string, options: BuildOptions = {}): Promise<string> {
  const outfile = join(import.meta.dirname, '..', '..', 'dist', 'bench', name, 'index.mjs');
  const entryPoints = [join(import.meta.dirname, 'contestants', `${name}.ts`)];
  await build({ ...BUILD_OPTIONS, ...options, entryPoints, outfile });
  return outfile;
}
