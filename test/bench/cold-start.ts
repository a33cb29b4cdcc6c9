import { setTimeout } from 'node:timers/promises';
import { ExecutionEnvironment } from '../aws-runtime/execution-environment.ts';
import { type ProcessorShare, WHOLE_PROCESSOR_MB } from '../aws-runtime/processor-share.ts';
import { median } from './measurement.ts';
import { pingEvent } from './ping-event.ts';

/** How many pings follow the first one, and for how long: where a ping takes long, there are fewer. */
const WARM_PINGS = 20;
const WARM_MS = 600;

/** The pause before each of them, in milliseconds: longer than the period in which processor time is counted. */
const PAUSE_MS = 25;

const TIMEOUT_MS = 20_000;

/** One execution environment, from the start of its process on, in milliseconds. */
export interface ColdStart {
  /** Until the runtime asks for the first invocation. */
  readonly initMs: number;
  /** From there until the answer to the first ping. */
  readonly firstMs: number;
  /** The median of the pings that follow, each after a pause in which the process was stopped. */
  readonly warmMs: number;
}

/** A function to start cold. */
export interface ColdFunction {
  readonly name: string;
  readonly bundlePath: string;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Starts a function behind AWS's runtime interface client, and pings a guest as Lambda would: one invocation after the
 * other, and stopped in between.
 *
 * @param share where the processor is shared out; undefined: the whole machine is there all the time
 * @throws when the function does not start, or a ping is not answered with 204
 */
export async function coldStart(
  { settings, ...cold }: ColdFunction,
  memoryMb: number,
  guestId: string,
  share: ProcessorShare | undefined,
): Promise<ColdStart> {
  const event = pingEvent(guestId, { 'x-auth-token': 'token' });
  share?.give(WHOLE_PROCESSOR_MB);
  const local = { ...cold, timeoutMs: TIMEOUT_MS, memoryMb };
  await using environment = await ExecutionEnvironment.start(local, settings, share);
  const { api, startedAt, ended, lines } = environment;
  const failed = ended.then(() => Promise.reject(new Error(`${cold.name} ended:\n${lines.join('\n')}`)));
  failed.catch(() => undefined);
  const ping = async () => {
    const begin = performance.now();
    const { answer } = await Promise.race([api.invoke(event, TIMEOUT_MS), failed]);
    const tookMs = performance.now() - begin;
    const { statusCode } = Object(answer);
    if (statusCode !== 204) throw new Error(`A living guest is ${statusCode}:\n${lines.join('\n')}`);
    return tookMs;
  };

  await Promise.race([api.idle(), failed]);
  const initMs = performance.now() - startedAt;
  share?.give(memoryMb);
  const firstMs = await ping();
  const warm: number[] = [];
  const end = performance.now() + WARM_MS;
  while (warm.length < WARM_PINGS && performance.now() < end) {
    await environment.freeze();
    await setTimeout(PAUSE_MS);
    environment.thaw();
    warm.push(await ping());
  }
  return { initMs, firstMs, warmMs: median(warm) };
}
