import { basename } from 'node:path';
import { readDeployment } from '../settings/deployment-files.ts';
import { explained } from '../terminal/aws-error.ts';
import { messageOf, run, WrongUsage } from '../terminal/command.ts';
import { type Finding, good, print, todo } from '../terminal/finding.ts';
import { awsAccount } from './aws-account.ts';
import { accountChecks, type Checks, openStackChecks } from './checks.ts';

// `npm run preflight -- NAME`: says within seconds what would make the deployment of infra/deployments/NAME.json fail.

const USAGE = `npm run preflight -- NAME [FOLDER]
NAME is that of the settings FOLDER/NAME.json, by default in infra/deployments.
Exit code 0: nothing is wrong; 1: something is to be done first.`;

if (import.meta.main) process.exitCode = await preflight(process.argv.slice(2));

export function preflight(args: string[]): Promise<number> {
  return run(USAGE, 1, { allowPositionals: true }, check, args);
}

async function check({ positionals }: { readonly positionals: readonly string[] }): Promise<number> {
  const findings = await findingsOf(positionals);
  for (const finding of findings) print(finding);
  return findings.some(({ kind }) => kind === 'todo') ? 1 : 0;
}

/** All checks side by side. */
async function findingsOf([name, folder = 'infra/deployments', ...others]: readonly string[]) {
  if (name === undefined || others.length > 0) throw new WrongUsage('Which deployment?');
  const settings = readDeployment(folder, basename(name, '.json'));
  const openStack = all(openStackChecks(settings));
  const account = awsAccount().then(
    async (aws) => [
      good(`Credentials: ${aws.caller}, in ${aws.region}.`),
      ...(await all(accountChecks(aws, settings))),
    ],
    (error) => [todo(messageOf(error))],
  );
  return [...(await account), ...(await openStack)];
}

function all(checks: Checks): Promise<Finding[]> {
  const made = Object.entries(checks).map(async ([what, check]) => {
    try {
      const { kind, text } = await check;
      return { kind, text: `${what}: ${text}` };
    } catch (error) {
      return todo(explained(`${what} cannot be checked`, Object(error)));
    }
  });
  return Promise.all(made);
}
