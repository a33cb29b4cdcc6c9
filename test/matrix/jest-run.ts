import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** What became of the tests of a file or a folder. */
export interface Outcome {
  readonly passed: number;
  /** The names of those that failed; a file that could not be run is one of them. */
  readonly failed: readonly string[];
}

/** What Jest's `--json` reports, as far as it is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/**
 * Runs tests by `npm test`, which prints as it goes.
 *
 * @param paths files or folders of the repository
 * @param environment further variables
 * @returns an outcome for each path
 * @throws where Jest did not come as far as to report
 */
export async function runTests(
  paths: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Map<string, Outcome>> {
  const folder = new TemporaryFolder('matrix');
  try {
    const file = folder.file('report.json');
    const options = ['--forceExit', '-w', '1', '--json', `--outputFile=${file}`];
    const { status, signal } = spawnSync('npm', ['test', '--', ...options, ...paths], {
      cwd: REPOSITORY,
      env: { ...process.env, ...environment },
      stdio: 'inherit',
    });
    if (signal !== null || status === 130) process.exit(130);
    const report: Report = JSON.parse(readFileSync(file, 'utf8'));
    return new Map(paths.map((path) => [path, outcome(path, report)]));
  } finally {
    await folder.remove();
  }
}

function outcome(path: string, { testResults }: Report): Outcome {
  const ofPath = testResults.filter(({ name }) => relative(REPOSITORY, name).startsWith(path));
  const tests = ofPath.flatMap(({ assertionResults }) => assertionResults);
  const unrun = ofPath.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every(({ status }) => status !== 'failed'),
  );
  const failed = tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: [...failed, ...unrun.map(({ name }) => relative(REPOSITORY, name))],
  };
}
