import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { BUILD_OPTIONS } from '../../../infra/bundle.ts';
import type { Contestant } from '../contestant.ts';
import { interleaved, median, ratio } from '../measurement.ts';
import { goal, type Section, significant, table, written } from '../report.ts';
import { osloClient } from '../rivals.ts';
import { SecretsManager } from '../secrets-manager.ts';
import { type HandlerName, pings, type Stage } from '../stage.ts';

const REPEATS = 15;

/** The time of a cold start, from the start of the process to the first 204, and its parts, in milliseconds. */
interface ColdStart {
  readonly total: number;
  /** The start of Node, or Python, until the measured code begins to load. */
  readonly process: number;
  readonly load: number;
  /** From the end of the load until Secrets Manager has answered; 0 where no secret is read. */
  readonly secret: number;
  /** The rest of the first invocation: dialling, and all else that is neither secret nor ping. */
  readonly connect: number;
  /** From publish to reply, by Server-Timing; 0 where the handler sends none, and then part of `connect`. */
  readonly ping: number;
}

type ColdStarts = ReadonlyMap<string, readonly ColdStart[]>;

/** Measures the time from the start of a fresh process to its first 204. */
export async function cold(stage: Stage): Promise<Section> {
  const aws = await SecretsManager.start();
  stage.onLeaving(() => aws.end());
  const tcp = await race(stage, aws, new URL(stage.rabbit.url));
  const tls = await race(stage, aws, new URL(stage.tlsUrl));
  const modules = await loadTimes(stage);
  const total = (starts: ColdStarts, name: string) => (starts.get(name) ?? []).map((start) => start.total);
  const goals = [
    goal(
      'Bundle load: at most 1.4 × that of a bundle of amqplib and Middy alone',
      ratio(modules.get(WHOLE)?.loadMs ?? [], modules.get(AMQPLIB_AND_MIDDY)?.loadMs ?? []),
      { atMost: 1.4 },
    ),
    ...[
      { name: 'TCP', starts: tcp },
      { name: 'TLS', starts: tls },
    ].flatMap(({ name, starts }) => [
      goal(
        `Cold process to first 204, ${name}: at least 2 × faster than the usual way`,
        ratio(total(starts, USUAL_WITH_SECRET), total(starts, OURS_WITH_SECRET)),
        { atLeast: 2 },
      ),
      goal(
        `Cold process to first 204, ${name}: at most 1.4 × the bare limit`,
        ratio(total(starts, OURS), total(starts, BARE)),
        { atMost: 1.4 },
      ),
    ]),
  ];
  return {
    title: 'Cold',
    body: [
      'A fresh process to its first 204 from an echo responder, over TCP:',
      startsTable(tcp),
      'Over TLS, as Amazon MQ is reached (TLS 1.2):',
      startsTable(tls),
      `Medians of ${REPEATS} processes each, taken in turns. The times of a row are medians, each of its own. Our connection begins while the module loads and while the secret is awaited, so *connect* is what is left of it after both; in the usual way it begins after them.`,
      'The usual way has the SDK in its bundle, without what is unused of it, which loads sooner than what most deploy; the goal is held against that.',
      'What the bundle consists of, module by module, loaded in fresh processes:',
      modulesTable(modules),
    ],
    goals,
  };
}

const BARE = 'bare amqplib';
const OURS = 'ours';
const OURS_WITH_SECRET = 'ours, with the secret';
const USUAL_WITH_SECRET = 'the usual way, with the secret';
const USUAL_EXTERNAL_WITH_SECRET =
  "the usual way, the SDK not in the bundle (CDK's default), with the secret";

async function race(stage: Stage, aws: SecretsManager, url: URL): Promise<ColdStarts> {
  const trust = { NODE_EXTRA_CA_CERTS: stage.caFile };
  const direct = { BROKER_URL: url.href, ...trust };
  const endpoint = `${url.protocol}//${url.host}`;
  const bySecret = { BROKER_ENDPOINT: endpoint, BROKER_SECRET_ID: 'broker', ...aws.settings, ...trust };
  const first = pings(stage.echoId, 1);
  const handler = (name: HandlerName, settings: Record<string, string>) => () =>
    coldStart(() => stage.handler(name, first, settings), aws);
  const contestants = new Map([
    [BARE, handler('bare-amqplib', direct)],
    [OURS, handler('ours', direct)],
    [OURS_WITH_SECRET, handler('ours', bySecret)],
    [USUAL_WITH_SECRET, handler('usual-way', bySecret)],
    [USUAL_EXTERNAL_WITH_SECRET, handler('usual-way-external-sdk', bySecret)],
  ]);
  if (stage.guests && url.protocol === 'amqp:') {
    contestants.set("oslo.messaging's client", () => coldStart(() => osloClient(url.href, first), aws));
  }
  return interleaved(REPEATS, contestants);
}

async function coldStart(start: () => Contestant, aws: SecretsManager): Promise<ColdStart> {
  aws.answeredAt = undefined;
  const begin = performance.now();
  const contestant = start();
  const { loadMs, loadedAt, elapsedMs, response } = await contestant.answer();
  const total = performance.now() - begin;
  await contestant.end();
  if (response.statusCode !== 204) throw new Error(`A living guest is ${response.statusCode}`);
  const secret = aws.answeredAt === undefined ? 0 : aws.answeredAt - loadedAt;
  const ping = Number(/dur=([\d.]+)/.exec(response.headers?.['Server-Timing'] ?? '')?.[1] ?? 0);
  return {
    total,
    process: total - loadMs - elapsedMs,
    load: loadMs,
    secret,
    connect: elapsedMs - secret - ping,
    ping,
  };
}

function startsTable(starts: ColdStarts): string {
  const rows = [...starts].map(([name, all]) => {
    const ms = (part: keyof ColdStart) => significant(median(all.map((start) => start[part])));
    const ours = starts.get(name.endsWith('secret') ? OURS_WITH_SECRET : OURS) ?? [];
    const times = ratio(
      all.map(({ total }) => total),
      ours.map(({ total }) => total),
    );
    return [
      name,
      written(times),
      ms('total'),
      ms('process'),
      ms('load'),
      ms('secret'),
      ms('connect'),
      ms('ping'),
    ];
  });
  return table(['', 'Time, × ours', 'ms', 'process', 'load', 'secret', 'connect', 'ping'], rows);
}

const AMQPLIB_AND_MIDDY = 'and Middy';
const WHOLE = 'the whole function';

/** The libraries that each bundle imports besides those of the bundles before it. */
const MODULES: readonly (readonly [string, readonly string[]])[] = [
  ['amqplib', ['amqplib']],
  [AMQPLIB_AND_MIDDY, ['@middy/core', '@middy/http-error-handler']],
  ['and aws4', ['aws4']],
];

interface Loaded {
  readonly bytes: number;
  readonly loadMs: readonly number[];
}

/** Measures how fresh processes load bundles that grow library by library, and then the whole function. */
async function loadTimes(stage: Stage): Promise<ReadonlyMap<string, Loaded>> {
  const bundles = new Map<string, string>();
  const imported: string[] = [];
  for (const [index, [name, libraries]] of MODULES.entries()) {
    imported.push(...libraries);
    const outfile = join(dirname(stage.path('ours')), '..', 'bench', `modules-${index}`, 'index.mjs');
    const lines = imported.map((library, at) => `import * as library${at} from '${library}';`);
    const used = imported.map((_, at) => `library${at}`).join(', '); // else esbuild would drop the unused imports
    const contents = `${lines.join('\n')}\nexport const used = [${used}];\nexport const handler = async () => ({ statusCode: 204 });`;
    await build({ ...BUILD_OPTIONS, stdin: { contents, resolveDir: import.meta.dirname }, outfile });
    bundles.set(name, outfile);
  }
  bundles.set(WHOLE, stage.path('ours'));
  const settings = { BROKER_URL: stage.rabbit.url };
  const load = (path: string) => async () => {
    const contestant = stage.bundle(path, pings(stage.echoId, 1), settings);
    const { loadMs } = await contestant.answer();
    await contestant.end();
    return loadMs;
  };
  const measured = await interleaved(
    REPEATS,
    new Map([...bundles].map(([name, path]) => [name, load(path)])),
  );
  return new Map(
    [...measured].map(([name, loadMs]) => [name, { loadMs, bytes: statSync(bundles.get(name) ?? '').size }]),
  );
}

function modulesTable(modules: ReadonlyMap<string, Loaded>): string {
  const base = modules.get(AMQPLIB_AND_MIDDY)?.loadMs ?? [];
  const rows = [...modules].map(([name, { bytes, loadMs }]) => [
    name,
    significant(bytes / 1000),
    written(ratio(loadMs, base)),
    significant(median(loadMs)),
  ]);
  return table(['Bundle of', 'kB', 'Load, × amqplib and Middy', 'ms'], rows);
}
