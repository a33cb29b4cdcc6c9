import { randomUUID } from 'node:crypto';
import { parseArgs, styleText } from 'node:util';
import { fleetReport } from '../local/fleet-report.ts';
import { invokeHealthCheck, isSound } from './deployed-health-check.ts';
import { apiUrl, type Deployment, deploymentOf } from './deployment.ts';
import { type PingProof, pingProof } from './ping-proof.ts';
import { signedPing, unsignedPing } from './signed-ping.ts';

// `npm run smoke`: proves after a deployment that all the parts work together, by one ping and one sweep.

const USAGE = 'npm run smoke [-- [--stack NAME | --url URL] [--health-check FUNCTION_NAME]]';

const DEFAULT_STACK = 'GuestRpcPing';

const EXIT = { proven: 0, pingFailed: 1, healthCheckFailed: 2, couldNotRun: 3 } as const;

const MARKS = {
  proven: styleText('green', '✔'),
  no_guest_yet: styleText('yellow', '…'),
  failed: styleText('red', '✘'),
} as const satisfies Record<PingProof['kind'], string>;

/** Said where an unsigned ping is answered like a signed one: then the authorization is not proven, there is none. */
const OPEN =
  'The API answers without a signature as well: anyone may call it. If this is not meant, unset anyoneMayCallTheApi.';

try {
  process.exitCode = await main();
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = EXIT.couldNotRun;
}

async function main(): Promise<number> {
  const { help, stack, url, healthCheck } = readArguments();
  if (help) {
    console.log(`Usage: ${USAGE}`);
    return EXIT.proven;
  }
  const deployment: Deployment =
    url === undefined ? await deploymentOf(stack ?? DEFAULT_STACK) : { url: apiUrl(url) };
  const proof = await provePing(deployment);
  if (proof.kind === 'failed') {
    console.log('The health check was not invoked: mend this first.');
    return EXIT.pingFailed;
  }
  const isHealthy = await proveHealthCheck(healthCheck ?? deployment.healthCheck);
  if (proof.kind !== 'proven') return EXIT.pingFailed;
  return isHealthy ? EXIT.proven : EXIT.healthCheckFailed;
}

interface Arguments {
  readonly help: boolean;
  readonly stack?: string;
  readonly url?: string;
  readonly healthCheck?: string;
}

function readArguments(): Arguments {
  try {
    const text = { type: 'string' } as const;
    const options = {
      help: { type: 'boolean', default: false },
      stack: text,
      url: text,
      'health-check': text,
    } as const;
    const { 'health-check': healthCheck, ...values } = parseArgs({ options }).values;
    if (values.stack !== undefined && values.url !== undefined)
      throw new Error('--stack and --url both say where the API is: give one of them.');
    return { ...values, ...(healthCheck !== undefined && { healthCheck }) };
  } catch (error) {
    throw new Error(`${messageOf(error)}\nUsage: ${USAGE}`);
  }
}

/** Pings a guest that cannot exist, but for chance, and prints what the answer proves. */
async function provePing(deployment: Deployment): Promise<PingProof> {
  const instanceId = randomUUID();
  console.log(`ping of ${instanceId}, which no guest has, at ${deployment.url}`);
  const proof = pingProof(await signedPing(deployment.url, instanceId), deployment);
  console.log(`${MARKS[proof.kind]} ${proof.text}`);
  if (proof.kind === 'failed') return proof;
  const { status } = await unsignedPing(deployment.url, instanceId);
  if (status === 400) console.log(`${MARKS.no_guest_yet} ${OPEN}`);
  return proof;
}

/** Invokes the health check, where its name is known, and prints what it found. @returns whether all is well */
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
    console.log(`${MARKS.failed} ${messageOf(error)}`);
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
