import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { BUILD_OPTIONS } from '../../infra/bundle/bundle.ts';
import { inRepeats, interleaved, median, ratio, significant } from './measurement.ts';
import { type Goal, goal, table, written } from './report.ts';
import { pings, type Stage } from './stage.ts';

/** How many values each bundle gets, each the median of so many processes. */
const REPEATS = 11;
const PROCESSES = 5;

const AMQPLIB_AND_MIDDY = 'and Middy';
const ALL_LIBRARIES = 'and aws4, quick-lru';
const WHOLE = 'the whole function';

/** The libraries that each bundle imports besides those of the bundles before it. */
const MODULES: readonly (readonly [string, readonly string[]])[] = [
  ['amqplib', ['amqplib']],
  [AMQPLIB_AND_MIDDY, ['@middy/core', '@middy/http-error-handler']],
  [ALL_LIBRARIES, ['aws4', 'quick-lru']],
];

/** How a bundle's module loads in a fresh process. */
interface Loaded {
  readonly bytes: number;
  readonly loadMs: readonly number[];
}

export type LoadTimes = ReadonlyMap<string, Loaded>;

/**
 * Measures how fresh processes load bundles that grow library by library, each library whole, and then the function as
 * it is deployed, which has no settings here and so does not connect.
 */
export async function loadTimes(stage: Stage): Promise<LoadTimes> {
  const whole = stage.path('ours');
  const bundles = new Map<string, string>();
  const imported: string[] = [];
  for (const [index, [name, libraries]] of MODULES.entries()) {
    imported.push(...libraries);
    const outfile = join(dirname(whole), '..', 'bench', `modules-${index}`, basename(whole));
    const lines = imported.map((library, at) => `import * as library${at} from '${library}';`);
    const used = imported.map((_, at) => `library${at}`).join(', '); // else esbuild would drop the unused imports
    const contents = `${lines.join('\n')}\nexport const used = [${used}];\nexport const handler = async () => ({ statusCode: 204 });`;
    await build({ ...BUILD_OPTIONS, stdin: { contents, resolveDir: import.meta.dirname }, outfile });
    bundles.set(name, outfile);
  }
  bundles.set(WHOLE, whole);
  const load = (path: string) => async () => {
    const contestant = stage.bundle(path, pings(stage.echoId, 1));
    const { loadMs } = await contestant.answer();
    await contestant.end();
    return loadMs;
  };
  const contestants = new Map([...bundles].map(([name, path]) => [name, load(path)]));
  const measured = await interleaved(REPEATS * PROCESSES, contestants);
  return new Map(
    [...measured].map(([name, each]) => [
      name,
      { loadMs: inRepeats(each, PROCESSES).map(median), bytes: statSync(bundles.get(name) ?? '').size },
    ]),
  );
}

/** The whole function's time, and as its limit that of the libraries alone, each as a multiple of amqplib and Middy's. */
export function loadGoal(times: LoadTimes): Goal {
  const compared = (name: string) =>
    ratio(times.get(name)?.loadMs ?? [], times.get(AMQPLIB_AND_MIDDY)?.loadMs ?? []);
  const text = 'Bundle load: at most that of a bundle of amqplib and Middy';
  return goal(text, compared(WHOLE), { atMost: 1 }, compared(ALL_LIBRARIES));
}

export function loadTable(times: LoadTimes): string {
  const base = times.get(AMQPLIB_AND_MIDDY)?.loadMs ?? [];
  const rows = [...times].map(([name, { bytes, loadMs }]) => [
    name,
    significant(bytes / 1000),
    written(ratio(loadMs, base)),
    significant(median(loadMs)),
  ]);
  return table(['Bundle of', 'kB', 'Load, × amqplib and Middy', 'ms'], rows);
}
