import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { versionsIn } from '../matrix/debian-release.ts';
import { type Subjects, subjectsSchema } from './contract.ts';
import { type Name, runHere } from './implementations.ts';
import { countsTable, differencesTable, whyOf } from './results.ts';
import { type Run, run } from './run.ts';
import { signer } from './signature.ts';

// `npm run conformance -- --url URL [--token T | --sigv4] [--guests FILE]` holds an API to the contract of rpc_ping.
// `npm run conformance` alone runs it against all that can be started here, and writes RESULTS.md.

const USAGE = 'npm run conformance [-- --url URL [--token T | --sigv4] [--guests FILE]]';

try {
  const options = readOptions();
  if (options.here !== undefined)
    console.log(JSON.stringify([...(await runHere(options.here.split(',').map(nameOf)))]));
  else if (options.url !== undefined) await runAgainst(options.url, options);
  else await runAll();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        url: { type: 'string' },
        token: { type: 'string' },
        sigv4: { type: 'boolean', default: false },
        guests: { type: 'string' },
        here: { type: 'string' }, // for a child process of this one
      },
    });
    return values;
  } catch (error) {
    throw new Error(`${Object(error).message}\nUsage: ${USAGE}`);
  }
}

type Options = ReturnType<typeof readOptions>;

async function runAgainst(url: string, { token, guests, sigv4 }: Options): Promise<void> {
  const subjects = readSubjects({ ...(guests && JSON.parse(readFileSync(guests, 'utf8'))), token });
  const base = url.replace(/\/$/, '');
  const result = await run(base, subjects, sigv4 ? await signer() : undefined);
  const runs = new Map([[new URL(url).host, result]]);
  console.log(`${countsTable(runs)}\n\n${differencesTable(runs)}`);
  process.exitCode = result.differences.length > 0 ? 1 : 0;
}

function readSubjects(input: unknown): Subjects {
  const { success, output, issues } = v.safeParse(subjectsSchema, input);
  if (!success) throw new Error(`--guests: ${v.summarize(issues)}`);
  return output;
}

async function runAll(): Promise<void> {
  const runs = new Map<string, Run>();
  for (const [name, result] of here(['ours', 'ours with Keystone'])) runs.set(name, result);
  for (const release of ['', 'trixie', 'forky']) {
    const root =
      release === ''
        ? ''
        : join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'guest-rpc-ping', release);
    if (root !== '' && !existsSync(root)) {
      console.error(
        `Debian ${release} is not installed in ${root}: npm run test:matrix -- ${release} makes it.`,
      );
      continue;
    }
    const { trove } = versionsIn(root || '/');
    for (const result of here(['Trove'], root).values()) runs.set(`Trove ${trove}`, result);
  }
  const differences = [...runs.values()].flatMap((result) => result.differences);
  const unexplained = differences.filter((difference) => whyOf(difference) === undefined);
  writeFileSync(join(import.meta.dirname, 'RESULTS.md'), resultsText(runs));
  console.log(
    `${countsTable(runs)}\n\n${differences.length} differences, ${unexplained.length} not explained: test/conformance/RESULTS.md`,
  );
  if (unexplained.length > 0) process.exitCode = 1;
}

/** Each Debian has a process of its own, since `DEBIAN_ROOT` is read once. */
function here(names: readonly Name[], root = ''): Map<string, Run> {
  console.error(`${names.join(' and ')}${root && `, ${root}`} …`);
  const args = [import.meta.filename, '--here', names.join()];
  const env = { ...process.env, ...(root && { DEBIAN_ROOT: root }) };
  const printed = execFileSync(process.execPath, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Map(JSON.parse(printed.trim().split('\n').at(-1) ?? '[]'));
}

function nameOf(text: string): Name {
  if (text === 'ours' || text === 'ours with Keystone' || text === 'Trove') return text;
  throw new Error(`There is no implementation ${text}`);
}

function resultsText(runs: ReadonlyMap<string, Run>): string {
  return `# Who answers rpc_ping as the contract says

Written by \`npm run conformance\`. The contract is [contract.ts](contract.ts): the blueprint *guest-rpc-ping-pong*, and where that is
silent, the API that it extends. All were asked beside real guests, with a real RabbitMQ and, but for "ours", a real Keystone. Each call
was held to its status, its body to the byte, \`Content-Type\`, \`Content-Length\`, \`X-OpenStack-Request-Id\`, \`WWW-Authenticate\` and
time.

${countsTable(runs)}

Where they differ (\`=\`: as the contract says; \`…\`: any text):

${differencesTable(runs)}
`;
}
