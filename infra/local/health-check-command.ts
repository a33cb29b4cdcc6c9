import { userInfo } from 'node:os';
import type { MuteList } from '../../functions/changes/mutes.ts';
import type { ReportedSummary } from '../../functions/changes/report.ts';
import { INSTANCE_ID } from '../../functions/guest/topic.ts';
import { bundle } from '../bundle/bundle.ts';
import { type Parsed, run, WrongUsage } from '../terminal/command.ts';
import { EXIT, exitCode } from '../terminal/exit-code.ts';
import { fleetReport } from '../terminal/fleet-report.ts';
import { tracebackOf } from '../terminal/log-line.ts';
import { muteReport } from '../terminal/mute-report.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { FunctionSettings } from './parts/function-settings.ts';
import { LambdaProcess } from './parts/lambda-process.ts';
import { sweptFleet } from './parts/swept-fleet.ts';

// `npm run health-check`: one sweep of the fleet by the bundled function, or a question about its mutes.

const USAGE = `npm run health-check [-- [--json] [--forget instance_id]… [instance_id …]]
       npm run health-check -- --mute ID|REASON|HYPERVISOR|all --for 2h [--note "…"]
       npm run health-check -- --unmute ID|REASON|HYPERVISOR|all
       npm run health-check -- --mutes`;

/** Lambda's own limit for an invocation. */
const TIMEOUT_MS = 900_000;

const TEXT = { type: 'string' } as const;
const ARGUMENTS = {
  options: {
    json: { type: 'boolean', default: false },
    forget: { type: 'string', multiple: true },
    mute: TEXT,
    for: TEXT,
    note: TEXT,
    unmute: TEXT,
    mutes: { type: 'boolean' },
  },
  allowPositionals: true,
} as const;

process.exitCode = await run(USAGE, EXIT.couldNotRun, ARGUMENTS, main);

type Arguments = Parsed<typeof ARGUMENTS>;

async function main({ values, positionals: instanceIds }: Arguments): Promise<number> {
  const { json, forget = [], mute, unmute, mutes: lists, for: length, note } = values;
  const asked = [mute, unmute, lists, instanceIds[0] ?? forget[0]].filter((value) => value !== undefined);
  if (asked.length > 1 || (mute === undefined && (length ?? note) !== undefined))
    throw new WrongUsage('These options do not go together');
  const malformed = [...instanceIds, ...forget].filter((id) => !INSTANCE_ID.test(id));
  if (malformed.length > 0) {
    console.error(`Not an instance id (a UUID in lower case): ${malformed.join(', ')}. No guest was pinged.`);
    return EXIT.wrongId;
  }
  const mutes = muteEvent(values);
  if (mutes) {
    const list = (await invoke(sweptFleet(), mutes, () => undefined)) as MuteList;
    console.log(json ? JSON.stringify(list) : muteReport(list));
    return EXIT.allReachable;
  }
  const { summary, tracebacks } = await sweep(sweptFleet(), instanceIds, forget);
  console.log(json ? JSON.stringify(summary) : fleetReport(summary, tracebacks));
  return exitCode(summary);
}

/** @returns the summary, and the tracebacks of guests that answered with an exception, as text for a person */
async function sweep(settings: FunctionSettings, instanceIds: readonly string[], forget: readonly string[]) {
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

async function invoke(
  settings: FunctionSettings,
  event: object,
  onLine: (line: string) => void,
): Promise<unknown> {
  const local = { name: 'health-check', bundlePath: await bundle('health-check'), timeoutMs: TIMEOUT_MS };
  const lambda = await LambdaProcess.start(local, settings, onLine);
  try {
    return await lambda.invoke(event);
  } finally {
    await lambda.end();
  }
}

/** The event about mutes that the options ask for; undefined: they ask for a sweep. */
function muteEvent(values: Arguments['values']): object | undefined {
  const { mute, unmute, mutes, for: length, note } = values;
  if (mute !== undefined) return { mute: { target: mute, for: length, note, author: author() } };
  if (unmute !== undefined) return { unmute };
  return mutes ? { mutes } : undefined;
}

/** The user's name, or number where it has no name. */
function author(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}
