import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import type { MuteList } from '../../functions/changes/mutes.ts';
import type { ReportedSummary } from '../../functions/changes/report.ts';
import { INSTANCE_ID } from '../../functions/guest/topic.ts';
import { bundle } from '../bundle/bundle.ts';
import type { Settings } from './parts/function-settings.ts';
import { LambdaProcess } from './parts/lambda-process.ts';
import { sweptFleet } from './parts/swept-fleet.ts';
import { EXIT, exitCode } from './terminal/exit-code.ts';
import { fleetReport } from './terminal/fleet-report.ts';
import { tracebackOf } from './terminal/log-line.ts';
import { muteReport } from './terminal/mute-report.ts';
import { ProgressBar } from './terminal/progress-bar.ts';

// `npm run health-check`: one sweep of the fleet by the bundled function, or a question about its mutes.

const USAGE = `npm run health-check [-- [--json] [--forget instance_id]… [instance_id …]]
       npm run health-check -- --mute ID|REASON|HYPERVISOR|all --for 2h [--note "…"]
       npm run health-check -- --unmute ID|REASON|HYPERVISOR|all
       npm run health-check -- --mutes`;

/** Lambda's own limit for an invocation. */
const TIMEOUT_MS = 900_000;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = EXIT.couldNotRun;
}

async function main(): Promise<number> {
  const { json, help, forget, instanceIds, ...options } = readArguments();
  if (help) {
    console.log(`Usage: ${USAGE}`);
    return EXIT.allReachable;
  }
  const malformed = [...instanceIds, ...forget].filter((id) => !INSTANCE_ID.test(id));
  if (malformed.length > 0) {
    console.error(`Not an instance id (a UUID in lower case): ${malformed.join(', ')}. No guest was pinged.`);
    return EXIT.malformedId;
  }
  const mutes = muteEvent(options);
  if (mutes) {
    const list = (await invoke(sweptFleet(), mutes, () => undefined)) as MuteList;
    console.log(json ? JSON.stringify(list) : muteReport(list));
    return EXIT.allReachable;
  }
  const { summary, tracebacks } = await sweep(sweptFleet(), instanceIds, forget);
  console.log(json ? JSON.stringify(summary) : fleetReport(summary, tracebacks));
  return exitCode(summary);
}

/** What the options say of mutes. */
interface MuteOptions {
  readonly mute?: string | undefined;
  readonly for?: string | undefined;
  readonly note?: string | undefined;
  readonly unmute?: string | undefined;
  readonly mutes?: boolean | undefined;
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        forget: { type: 'string', multiple: true, default: [] },
        mute: { type: 'string' },
        for: { type: 'string' },
        note: { type: 'string' },
        unmute: { type: 'string' },
        mutes: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    return { ...values, instanceIds: positionals };
  } catch (error) {
    throw new Error(`${Object(error).message}\nUsage: ${USAGE}`);
  }
}

/** @returns the summary, and the tracebacks of guests that answered with an exception, as text for a person */
async function sweep(settings: Settings, instanceIds: readonly string[], forget: readonly string[]) {
  const bar = process.stderr.isTTY ? new ProgressBar() : undefined;
  const tracebacks: string[] = [];
  const onLine = (line: string) => {
    bar?.onLogLine(line);
    const traceback = tracebackOf(line);
    if (traceback !== undefined) tracebacks.push(traceback);
  };
  const level = { AWS_LAMBDA_LOG_LEVEL: bar ? 'DEBUG' : 'WARN' };
  const event = { instance_ids: instanceIds, forget };
  try {
    const summary = (await invoke({ ...settings, ...level }, event, onLine)) as ReportedSummary;
    return { summary, tracebacks };
  } finally {
    bar?.end();
  }
}

async function invoke(settings: Settings, event: object, onLine: (line: string) => void): Promise<unknown> {
  const local = { name: 'health-check', bundlePath: await bundle('health-check'), timeoutMs: TIMEOUT_MS };
  const lambda = await LambdaProcess.start(local, settings, onLine);
  try {
    return await lambda.invoke(event);
  } finally {
    await lambda.end();
  }
}

/** The event about mutes that the options ask for; undefined: they ask for a sweep. */
function muteEvent({ mute, unmute, mutes, for: length, note }: MuteOptions): object | undefined {
  if (mute !== undefined) return { mute: { target: mute, for: length, note, author: userInfo().username } };
  if (unmute !== undefined) return { unmute };
  return mutes ? { mutes } : undefined;
}
