import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { bundle } from '../../../infra/bundle/bundle.ts';
import { LambdaProcess } from '../../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../../infra/local/parts/temporary-folder.ts';
import { stateOf } from '../../page/states.ts';
import { peakMemoryMb } from '../../setup/peak-memory.ts';
import { significant, spread } from '../measurement.ts';
import { type Section, table, written } from '../report.ts';

const SIZES = [1000, 10_000, 40_000];
const FORMATS = ['application/openmetrics-text', 'application/json'];
const REPEATS = 7;
const MEMORY_MB = 1024;
const MIB = 1024 * 1024;

/** How long a scrape of the whole fleet takes, how large its answer is, and the function's memory; no broker is asked. */
export async function scrape(): Promise<Section> {
  const rows: string[][] = [];
  for (const size of SIZES) for (const format of FORMATS) rows.push(await measure(size, format));
  const head = [
    'Guests',
    'Format',
    'State, MiB',
    'Body, MiB',
    'Passed on, MiB',
    'After a sweep, ms',
    'Else, ms',
  ];
  return {
    title: 'One scrape of the fleet',
    body: [
      `\`GET /fleet\`, compressed, of guests that all answer and have names, projects and hypervisors, from a file. "Passed on" is the body with gzip, in base64, of which Lambda takes 6 MiB. After a sweep, the state is parsed and the body made anew; else the body is the one before. Memory is the greatest resident set that the process ever had, in ${2 * REPEATS} scrapes; the heap is limited to ${MEMORY_MB} MB, the processor is a whole one.`,
      table([...head, 'Memory, MB'], rows),
    ],
    goals: [],
  };
}

async function measure(size: number, accept: string): Promise<string[]> {
  const folder = new TemporaryFolder('scrape');
  const file = folder.file('state.json');
  const local = { name: 'fleet', bundlePath: await bundle('fleet'), timeoutMs: 60_000, memoryMb: MEMORY_MB };
  const settings = { FLEET_STATE_URL: pathToFileURL(file).href };
  const lambda = await LambdaProcess.start(local, settings, () => undefined);
  const headers = { accept, 'accept-encoding': 'gzip' };
  const times: { readonly fresh: number[]; readonly same: number[] } = { fresh: [], same: [] };
  const fleet = fleetOf(size);
  let [bytes, body] = [0, ''];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const text = JSON.stringify({ ...stateOf({}, size, { at: new Date().toISOString() }), ...fleet });
    writeFileSync(file, text);
    bytes = text.length;
    for (const kind of ['fresh', 'same'] as const) {
      const start = performance.now();
      const answer = Object(await lambda.invoke({ routeKey: 'GET /fleet', rawPath: '/fleet', headers }));
      times[kind].push(performance.now() - start);
      if (answer.statusCode !== 200) throw new Error(answer.body);
      body = answer.body;
    }
  }
  const memoryMb = peakMemoryMb(lambda.pid);
  await lambda.end();
  await folder.remove();
  const plain = gunzipSync(Buffer.from(body, 'base64')).length;
  const sizes = [bytes, plain, body.length].map((count) => significant(count / MIB));
  const took = [times.fresh, times.same].map((all) => written(spread(all)));
  return [size.toLocaleString('en'), accept, ...sizes, ...took, significant(memoryMb)];
}

/** Guests of a hundred projects on a thousand hypervisors. */
function fleetOf(size: number): object {
  const known = Array.from({ length: size }, () => randomUUID());
  const projects = Array.from({ length: 100 }, () => randomUUID().replaceAll('-', ''));
  const answered = known.map((id, index) => [
    id,
    {
      round_trip_ms: Math.round(1000 + Math.random() * 9000) / 1000,
      name: `mysql-production-${index}`,
      project_id: projects[index % projects.length],
      hypervisor: `compute-${index % 1000}.example`,
    },
  ]);
  return { known, answered: Object.fromEntries(answered) };
}
