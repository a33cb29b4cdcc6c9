import type { ReportedSummary } from '../../functions/changes/report.ts';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { eventually } from './eventually.ts';
import type { LogEntry } from './function-under-test.ts';
import { shippedFunction } from './shipped-function.ts';

/** An invocation's time in which a sweep over a new connection does not wait for guests that may return to it. */
export const NO_TIME_TO_RETURN_MS = 10_000;

/** All that a sweep returns and logs. */
export interface SweepSeen {
  readonly summary: ReportedSummary;
  /** The log lines and metrics (EMF) of this sweep. */
  readonly log: LogEntry[];
  readonly metrics: LogEntry[];
  /** The reason of each unreachable guest, from the guest's own log line, or from one that several guests share. */
  readonly reasons: ReadonlyMap<string, unknown>;
}

/** The bundled health check in a process of its own, with all its log lines. */
export class HealthCheckUnderTest {
  readonly lambda: LambdaProcess;
  readonly #lines: string[];

  static async start(settings: Record<string, string>): Promise<HealthCheckUnderTest> {
    const lines: string[] = [];
    const lambda = await LambdaProcess.start(shippedFunction('health-check'), settings, (line) =>
      lines.push(line),
    );
    return new HealthCheckUnderTest(lambda, lines);
  }

  private constructor(lambda: LambdaProcess, lines: string[]) {
    this.lambda = lambda;
    this.#lines = lines;
  }

  /** Invokes the health check, and waits until all lines of its log have arrived. */
  async sweep(event: object = {}, timeoutMs = 30_000): Promise<SweepSeen> {
    const before = this.#lines.length;
    const summary = (await this.lambda.invoke(event, timeoutMs)) as ReportedSummary;
    const read = async () => this.#lines.slice(before).map((line): LogEntry => JSON.parse(line));
    const isAll = (entries: LogEntry[]) =>
      reasonsIn(entries).size === summary.unreachable &&
      entries.some(({ message }) => message === 'health_check') &&
      entries.some((entry) => 'SweepDuration' in entry) &&
      (summary.reachable === 0 || entries.some((entry) => 'RoundTripTime' in entry));
    const entries = await eventually(read, isAll);
    const log = entries.filter((entry) => !('_aws' in entry));
    return {
      summary,
      log,
      metrics: entries.filter((entry) => '_aws' in entry),
      reasons: reasonsIn(log),
    };
  }

  /** All log lines so far. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** For `await using`: ends the process with the test, whether that passes or fails. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.lambda.end();
  }
}

function reasonsIn(log: readonly LogEntry[]): Map<string, unknown> {
  const reasons = new Map<string, unknown>();
  for (const { message, instance_id: id, instance_ids: ids, reason } of log) {
    if (message === 'guest_unreachable') reasons.set(String(id), reason);
    if (message === 'more_unreachable') for (const each of String(ids).split(' ')) reasons.set(each, reason);
  }
  return reasons;
}
