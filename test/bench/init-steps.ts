import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ExecutionEnvironment } from '../aws-runtime/execution-environment.ts';
import { type ProcessorShare, WHOLE_PROCESSOR_MB } from '../aws-runtime/processor-share.ts';
import type { ColdFunction } from './cold-start.ts';
import { median, significant } from './measurement.ts';
import { table } from './report.ts';

const REPORTER = pathToFileURL(join(import.meta.dirname, 'contestants', 'step-reporter.mjs'));

/** A step of init, in milliseconds from the start of the process. */
interface Step {
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What a function does in init, from start to start: the medians. Its reports make init a little longer. */
export async function initSteps(
  cold: ColdFunction,
  memoryMb: number,
  repeats: number,
  share: ProcessorShare | undefined,
): Promise<Step[]> {
  const runs: Step[][] = [];
  while (runs.length < repeats) runs.push(await stepsOfOne(cold, memoryMb, share));
  const names = runs[0]?.map(({ name }) => name) ?? [];
  const of = (name: string, end: 'fromMs' | 'untilMs') =>
    median(runs.flatMap((run) => run.filter((step) => step.name === name).map((step) => step[end])));
  const steps = names.map((name) => ({ name, fromMs: of(name, 'fromMs'), untilMs: of(name, 'untilMs') }));
  return steps.sort((a, b) => a.fromMs - b.fromMs);
}

async function stepsOfOne(
  { settings, ...cold }: ColdFunction,
  memoryMb: number,
  share: ProcessorShare | undefined,
): Promise<Step[]> {
  share?.give(WHOLE_PROCESSOR_MB);
  const reporting = { ...settings, NODE_OPTIONS: `--import=${REPORTER}` };
  await using environment = await ExecutionEnvironment.start(
    { ...cold, timeoutMs: 20_000, memoryMb },
    reporting,
    share,
  );
  await environment.api.idle();
  const originMs = performance.timeOrigin + environment.startedAt;
  const askedMs = performance.now() - environment.startedAt;
  const steps = environment.lines.flatMap((line) => {
    const { step, fromMs, untilMs } = Object(JSON.parse(line));
    return step ? [{ name: step, fromMs: fromMs - originMs, untilMs: untilMs - originMs }] : [];
  });
  const [node, ...ours] = steps;
  const fromMs = Math.min(...ours.map((step) => step.fromMs));
  const untilMs = Math.max(...ours.map((step) => step.untilMs));
  return [
    { name: 'process', fromMs: 0, untilMs: node?.untilMs ?? 0 },
    { name: 'runtime client', fromMs: node?.untilMs ?? 0, untilMs: fromMs },
    ...ours,
    { name: 'runtime client asks', fromMs: untilMs, untilMs: askedMs },
  ];
}

/** A table with a row for each step. */
export function stepsTable(steps: readonly Step[]): string {
  const rows = steps.map(({ name, fromMs, untilMs }) => {
    const beside = steps.filter(
      (other) => other.name !== name && other.fromMs < untilMs && other.untilMs > fromMs,
    );
    return [
      name,
      ...[fromMs, untilMs, untilMs - fromMs].map(significant),
      beside.map((other) => other.name).join(', '),
    ];
  });
  return table(['Step', 'from', 'until', 'ms', 'beside'], rows);
}
