import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isCommand } from '../../infra/local/parts/debian-packages.ts';
import { canEnterReleases, ensureRelease, type Versions, versionsIn } from './debian-release.ts';
import { runTests } from './jest-run.ts';
import { type Result, resultsText } from './results.ts';

// `npm run test:matrix`: every suite with each way of guests' queues on each release, into RESULTS.md.
// `npm run test:matrix -- trixie quorum faults`: these releases, ways and suites alone, into the same table.

const RELEASES = ['trixie', 'forky'];
const QUEUES = ['transient', 'durable', 'quorum'];
const SUITES = ['interop', 'oslo', 'health-check', 'faults', 'aws-runtime'];
/** Brings nodes and queues of its own: run once, on the newest release. */
const CLUSTER = 'cluster';
/** Left out of `npm test` unless they are named in TEST_ON_DEMAND. */
const ON_DEMAND = ['aws-runtime', CLUSTER];

const FILE = join(import.meta.dirname, 'RESULTS.md');

/** RabbitMQ's official images of the versions that the releases bring. */
const IMAGES: Readonly<Record<string, string>> = {
  trixie: 'rabbitmq:4.0-management',
  forky: 'rabbitmq:4.3-management',
};
/** What needs neither a guest nor a broker of its own to break. */
const SUITES_IN_DOCKER = ['oslo', 'health-check'];

/** API Gateway's payload is a REST API's here, an HTTP API's in `npm test`. */
const REST = { TEST_PAYLOAD: '1.0' };

/** What is tested against, and which suites can be. */
interface Place {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly versions: Versions;
  readonly suites: readonly string[];
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => ![...RELEASES, ...QUEUES, ...SUITES, CLUSTER].includes(name));
if (unknown.length > 0) {
  const known = [RELEASES, QUEUES, [...SUITES, CLUSTER]].map((all) => all.join(', ')).join('; ');
  console.error(`The matrix has no ${unknown.join(' and no ')}. It has: ${known}`);
  process.exit(2);
}

const isClusterAlone = names.includes(CLUSTER) && !SUITES.some((suite) => names.includes(suite));
const results: Result[] = [];
for (const release of chosen(RELEASES)) {
  const place = placeOf(release);
  const suites = chosen(SUITES).filter((suite) => place.suites.includes(suite));
  for (const queues of isClusterAlone ? [] : chosen(QUEUES)) await run(place, queues, suites);
  const isClusterWanted = names.includes(CLUSTER) || names.length === 0;
  if (isClusterWanted && release === RELEASES.at(-1) && place.suites.includes(CLUSTER))
    await run(place, 'each kind', [CLUSTER]);
}
const failed = results.flatMap(({ outcome }) => outcome.failed).length;
const passed = results.reduce((sum, { outcome }) => sum + outcome.passed, 0);
console.log(`\n${passed} passed, ${failed} failed: test/matrix/RESULTS.md`);
if (failed > 0 || passed === 0) process.exitCode = 1;

/** Runs suites with one kind of guests' queues, and writes what came of them. */
async function run(place: Place, queues: string, suites: readonly string[]): Promise<void> {
  const { name: release, versions } = place;
  console.log(`\n${release}, RabbitMQ ${versions.rabbitmq}, ${queues} queues …`);
  const environment = { ...place.environment, ...(queues !== 'each kind' && { TEST_GUEST_QUEUES: queues }) };
  const together = suites.filter((suite) => !ON_DEMAND.includes(suite));
  const apart = suites.filter((suite) => ON_DEMAND.includes(suite));
  for (const group of [together, ...apart.map((suite) => [suite])]) {
    if (group.length === 0) continue;
    const paths = group.map((suite) => `test/${suite}`);
    const onDemand = group.find((suite) => ON_DEMAND.includes(suite)) ?? '';
    const outcomes = await runTests(paths, { ...environment, TEST_ON_DEMAND: onDemand });
    for (const [suite, outcome] of outcomes) results.push({ release, versions, queues, suite, outcome });
  }
  writeFileSync(FILE, resultsText(results, existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''));
}

/** Those of them that were named; all, where none was. */
function chosen(all: readonly string[]): readonly string[] {
  const named = all.filter((one) => names.includes(one));
  return named.length > 0 ? named : all;
}

function placeOf(release: string): Place {
  if (canEnterReleases()) {
    const root = ensureRelease(release);
    return {
      name: release,
      environment: { DEBIAN_ROOT: root, ...REST },
      versions: versionsIn(root),
      suites: [...SUITES, CLUSTER],
    };
  }
  const image = IMAGES[release] ?? '';
  if (!isCommand('docker')) throw new Error('The matrix needs root on Debian, or Docker');
  console.log(
    `Only root can enter Debian ${release}: ${SUITES_IN_DOCKER.join(' and ')} run on a broker in Docker.`,
  );
  return {
    name: image,
    environment: { RABBITMQ_IMAGE: image, ...REST },
    versions: { rabbitmq: /\d+\.\d+/.exec(image)?.[0] ?? '', trove: '–', oslo: '–' },
    suites: SUITES_IN_DOCKER,
  };
}
