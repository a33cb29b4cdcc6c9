import { randomUUID } from 'node:crypto';
import { readFileSync, writeSync } from 'node:fs';
import type { Command } from '../contestant.ts';
import { pingEvent } from '../ping-event.ts';

// The process of a measured bundle: `node index.mjs BUNDLE COMMAND`, see `Contestant`. This file imports no library
// that would have to load before the bundle.

type Handler = (event: unknown, context: object) => Promise<unknown>;

const [, , bundle = '', firstCommand = ''] = process.argv;
/** The time-outs of ping and sweep on Lambda, in milliseconds. */
const PING_MS = 20_000;
const SWEEP_MS = 900_000;

const begin = performance.now();
const { handler }: { handler: Handler } = await import(bundle);
const loadMs = performance.now() - begin;

async function main(): Promise<void> {
  report({ loadMs, ...(await obey(JSON.parse(firstCommand))) });
  const { createInterface } = await import('node:readline');
  for await (const line of createInterface(process.stdin)) report(await obey(JSON.parse(line)));
}

async function obey(command: Command): Promise<object> {
  if ('event' in command) return invokeAll([command.event], 1, SWEEP_MS);
  const { ids, times, inFlight, timeoutMs = PING_MS } = command;
  return invokeAll(
    Array.from({ length: times }, () => ids.map((id) => pingEvent(id))).flat(),
    inFlight,
    timeoutMs,
  );
}

async function invokeAll(events: readonly unknown[], inFlight: number, timeoutMs: number): Promise<object> {
  const durationsMs: number[] = [];
  const left = events[Symbol.iterator]();
  let response: unknown;
  const worker = async () => {
    for (const event of left) {
      const deadline = Date.now() + timeoutMs;
      const context = { awsRequestId: randomUUID(), getRemainingTimeInMillis: () => deadline - Date.now() };
      const begin = performance.now();
      response = await handler(event, context);
      durationsMs.push(performance.now() - begin);
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const elapsedMs = performance.now() - begin;
  return { durationsMs, elapsedMs, response, maxRssBytes: maxRssBytes() };
}

/** From Linux's /proc: in what `getrusage` says, the process that started this one counts too. */
function maxRssBytes(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}

function report(answer: object): void {
  writeSync(3, `${JSON.stringify(answer)}\n`);
}

main();
