import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isRecord, keyGivenTwice } from '../../functions/json.ts';
import { brokerProblems, LOCK, makingOf, ON_PURPOSE } from './broker-lock.ts';
import { brokerStackOf, readSettings, type Settings } from './deployment-settings.ts';
import { InvalidSettings } from './invalid-settings.ts';

/**
 * Reads all deployments of a folder, each `<name>.json`. What makes a new broker is kept beside it, in `<name>.lock.json`;
 * it is written once, and from then on no other value is taken.
 *
 * @throws InvalidSettings, which tells all that is wrong in all files
 */
export function readDeployments(folder: string, { isCi }: { readonly isCi: boolean }): Settings[] {
  const files = globSync('*.json', { cwd: folder }).sort();
  const locks = files.filter((file) => file.endsWith(LOCK));
  const names = files.filter((file) => !file.endsWith(LOCK)).map((file) => file.slice(0, -'.json'.length));
  const problems: string[] = [];
  const deployments: Settings[] = [];
  if (files.length === 0)
    problems.push(`There is no deployment: copy one of infra/deployments/examples to ${folder}/<name>.json.`);
  for (const lock of locks) {
    const name = lock.slice(0, -LOCK.length);
    if (!names.includes(name))
      problems.push(
        `${name}.json is gone, but ${lock} says that it made a broker: bring the file back, ${ON_PURPOSE}.`,
      );
  }
  for (const name of names) {
    try {
      const settings = readDeployment(folder, name);
      hold(settings, join(folder, `${name}${LOCK}`), isCi);
      deployments.push(settings);
    } catch (error) {
      if (!(error instanceof InvalidSettings)) throw error;
      problems.push(error.message);
    }
  }
  problems.push(...twice(deployments));
  if (problems.length > 0) throw new InvalidSettings(problems);
  return deployments;
}

/** Whose stack has the name of another one. */
function twice(deployments: readonly Settings[]): string[] {
  const names = deployments.flatMap((one) =>
    'newBroker' in one ? [one.name, brokerStackOf(one)] : [one.name],
  );
  const doubled = new Set(names.filter((name, at) => names.indexOf(name) < at));
  return [...doubled].map((name) => `Two stacks would be called ${name}: rename a file, or set brokerStack.`);
}

/** Reads one deployment, `<name>.json`, without a look at what made its broker. @throws InvalidSettings */
export function readDeployment(folder: string, name: string): Settings {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file))
    throw new InvalidSettings([
      `There is no deployment ${name}: copy one of infra/deployments/examples to ${file}.`,
    ]);
  return readSettings(name, readJson(file));
}

function readJson(file: string): unknown {
  try {
    const text = readFileSync(file, 'utf8').replace(/^\uFEFF/, ''); // which some editors write
    const read: unknown = JSON.parse(text);
    const twice = keyGivenTwice(text);
    if (twice !== undefined) throw new InvalidSettings([`${basename(file)} says ${twice} twice.`]);
    if (isRecord(read)) return read;
  } catch (error) {
    if (error instanceof InvalidSettings) throw error;
    const { code, message } = Object(error);
    const what = code === undefined ? `is not JSON: ${message}` : `cannot be read: ${code}`;
    throw new InvalidSettings([`${basename(file)} ${what.replaceAll(/\s+/g, ' ')}.`]);
  }
  throw new InvalidSettings([`${basename(file)} is no JSON object.`]);
}

/** Compares what makes the broker with what made it; writes that down where it is not yet. */
function hold(settings: Settings, lock: string, isCi: boolean): void {
  if (existsSync(lock)) {
    const problems = brokerProblems(settings, readJson(lock));
    if (problems.length > 0) throw new InvalidSettings(problems);
  } else if ('newBroker' in settings) {
    if (isCi)
      throw new InvalidSettings([
        `${basename(lock)} is missing: run \`npx cdk synth\`, and commit the file that it writes.`,
      ]);
    writeFileSync(lock, `${JSON.stringify(makingOf(settings), undefined, 2)}\n`);
    console.error(`${lock} keeps what makes the broker: commit it.`);
  }
}
