import { randomUUID } from 'node:crypto';
import { messageOf, type Parsed, run, WrongUsage } from '../terminal/command.ts';
import { type Finding, print, todo } from '../terminal/finding.ts';
import { fleetReport } from '../terminal/fleet-report.ts';
import { invokeHealthCheck, isSound } from './deployed-health-check.ts';
import { apiUrl, type Deployment, deploymentOf } from './deployment.ts';
import { authorizationProof, pingProof } from './ping-proof.ts';
import { signedPing, unsignedPing } from './signed-ping.ts';

// `npm run smoke`: proves after a deployment, by one ping and one sweep, that all parts work together.

const USAGE = `npm run smoke [-- [--stack NAME | --url URL] [--health-check FUNCTION_NAME]]
Exit code 0: all is well; 1: the ping failed or proves too little; 2: the health check failed; 3: nothing could be pinged.`;

const TEXT = { type: 'string' } as const;
const ARGUMENTS = { options: { stack: TEXT, url: TEXT, 'health-check': TEXT } } as const;

const DEFAULT_STACK = 'GuestRpcPing';

const EXIT = { proven: 0, pingFailed: 1, healthCheckFailed: 2, couldNotRun: 3 } as const;

if (import.meta.main) process.exitCode = await smoke(process.argv.slice(2));

export function smoke(args: string[]): Promise<number> {
  return run(USAGE, EXIT.couldNotRun, ARGUMENTS, prove, args);
}

async function prove({ values }: Parsed<typeof ARGUMENTS>): Promise<number> {
  const { stack, url, 'health-check': healthCheck } = values;
  if (stack !== undefined && url !== undefined)
    throw new WrongUsage('--stack and --url both say where the API is: give one of them.');
  const deployment: Deployment =
    url === undefined ? await deploymentOf(stack ?? DEFAULT_STACK) : { url: apiUrl(url) };
  const proof = await provePing(deployment);
  const isRefused = proof.text.startsWith('broker_refused'); // the health check is told why in the broker's own words
  if (proof.kind === 'todo' && !isRefused) {
    console.log('The health check was not invoked: correct this first.');
    return EXIT.pingFailed;
  }
  const isHealthy = await proveHealthCheck(healthCheck ?? deployment.healthCheck);
  if (proof.kind !== 'good') return EXIT.pingFailed;
  return isHealthy ? EXIT.proven : EXIT.healthCheckFailed;
}

/** Pings a random instance id, which no guest has, and prints what the answer proves. */
async function provePing(deployment: Deployment): Promise<Finding> {
  const instanceId = randomUUID();
  console.log(`ping of ${instanceId}, which no guest has, at ${deployment.url}`);
  const proof = pingProof(await signedPing(deployment.url, instanceId), deployment);
  print(proof);
  if (proof.kind !== 'todo') print(authorizationProof(await unsignedPing(deployment.url, instanceId)));
  return proof;
}

/** Invokes the health check, where its name is known, and prints the report. @returns whether the sweep was sound */
async function proveHealthCheck(functionName: string | undefined): Promise<boolean> {
  if (functionName === undefined) {
    console.log('The health check was not invoked: name its function by --health-check.');
    return true;
  }
  console.log(`health check ${functionName}`);
  try {
    const summary = await invokeHealthCheck(functionName);
    console.log(fleetReport(summary));
    return isSound(summary);
  } catch (error) {
    print(todo(messageOf(error)));
    return false;
  }
}
