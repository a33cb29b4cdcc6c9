import { randomUUID } from 'node:crypto';
import { parseArgs, styleText } from 'node:util';
import { fleetReport } from '../local/terminal/fleet-report.ts';
import { invokeHealthCheck, isSound } from './deployed-health-check.ts';
import { apiUrl, type Deployment, deploymentOf } from './deployment.ts';
import { authorizationProof, type Proof, pingProof } from './ping-proof.ts';
import { signedPing, unsignedPing } from './signed-ping.ts';

// `npm run smoke`: proves after a deployment, by one ping and one sweep, that all parts work together.

const USAGE = 'npm run smoke [-- [--stack NAME | --url URL] [--health-check FUNCTION_NAME]]';

const DEFAULT_STACK = 'GuestRpcPing';

const EXIT = { proven: 0, pingFailed: 1, healthCheckFailed: 2, couldNotRun: 3 } as const;

const EXIT_CODES =
  '0: all is well; 1: the ping failed or proves too little; 2: the health check failed; 3: nothing could be pinged.';

const MARKS = {
  proven: styleText('green', '✔'),
  unproven: styleText('yellow', '…'),
  failed: styleText('red', '✘'),
} as const satisfies Record<Proof['kind'], string>;

if (import.meta.main) process.exitCode = await smoke(process.argv.slice(2));

/** Runs the command with these arguments. @returns its exit code */
export async function smoke(args: string[]): Promise<number> {
  try {
    return await prove(args);
  } catch (error) {
    console.error(messageOf(error));
    return EXIT.couldNotRun;
  }
}

async function prove(args: string[]): Promise<number> {
  const { help, stack, url, 'health-check': healthCheck } = readArguments(args);
  if (help) {
    console.log(`Usage: ${USAGE}\nExit code ${EXIT_CODES}`);
    return EXIT.proven;
  }
  const deployment: Deployment =
    url === undefined ? await deploymentOf(stack ?? DEFAULT_STACK) : { url: apiUrl(url) };
  const proof = await provePing(deployment);
  const isRefused = proof.text.startsWith('broker_refused'); // the health check is told why in the broker's own words
  if (proof.kind === 'failed' && !isRefused) {
    console.log('The health check was not invoked: correct this first.');
    return EXIT.pingFailed;
  }
  const isHealthy = await proveHealthCheck(healthCheck ?? deployment.healthCheck);
  if (proof.kind !== 'proven') return EXIT.pingFailed;
  return isHealthy ? EXIT.proven : EXIT.healthCheckFailed;
}

function readArguments(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = {
      help: { type: 'boolean', default: false },
      stack: text,
      url: text,
      'health-check': text,
    } as const;
    const { values } = parseArgs({ args, options });
    if (values.stack !== undefined && values.url !== undefined)
      throw new Error('--stack and --url both say where the API is: give one of them.');
    return values;
  } catch (error) {
    throw new Error(`${messageOf(error)}\nUsage: ${USAGE}`);
  }
}

/** Pings a random instance id, which no guest has, and prints what the answer proves. */
async function provePing(deployment: Deployment): Promise<Proof> {
  const instanceId = randomUUID();
  console.log(`ping of ${instanceId}, which no guest has, at ${deployment.url}`);
  const proof = pingProof(await signedPing(deployment.url, instanceId), deployment);
  print(proof);
  if (proof.kind !== 'failed') print(authorizationProof(await unsignedPing(deployment.url, instanceId)));
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
    print({ kind: 'failed', text: messageOf(error) });
    return false;
  }
}

function print({ kind, text }: Proof): void {
  console.log(`${MARKS[kind]} ${text}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
