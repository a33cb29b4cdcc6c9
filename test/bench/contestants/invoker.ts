import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Command } from '../contestant.ts';

// The process of a bundled handler that is measured: `node index.cjs BUNDLE COMMAND`. See `Contestant`. Nothing is
// imported here that would have to be loaded before the bundle is.

type Handler = (event: unknown, context: object) => Promise<unknown>;

const [, , bundle = '', firstCommand = ''] = process.argv;
/** More than a ping takes, and as much as a sweep may take, in milliseconds. */
const PING_MS = 20_000;
const SWEEP_MS = 900_000;

const begin = performance.now();
const { handler }: { handler: Handler } = createRequire(bundle)(bundle);
const loadMs = performance.now() - begin;
const loadedAt = performance.timeOrigin + performance.now();

async function main(): Promise<void> {
  report({ loadMs, loadedAt, ...(await obey(JSON.parse(firstCommand))) });
  const { createInterface } = await import('node:readline');
  for await (const line of createInterface(process.stdin)) report(await obey(JSON.parse(line)));
}

async function obey(command: Command): Promise<object> {
  if ('event' in command) return invokeAll([command.event], 1, SWEEP_MS);
  const { ids, times, inFlight, timeoutMs = PING_MS } = command;
  return invokeAll(Array.from({ length: times }, () => ids.map(pingEvent)).flat(), inFlight, timeoutMs);
}

/** API Gateway's event, as far as it is read. */
function pingEvent(instanceId: string): object {
  return {
    routeKey: 'GET /v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping',
    rawPath: `/v1.0/tenant/mgmt/instances/${instanceId}/rpc_ping`,
    headers: {},
    pathParameters: { tenant_id: 'tenant', instance_id: instanceId },
  };
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
  return { durationsMs, elapsedMs, response, maxRssBytes: process.resourceUsage().maxRSS * 1024 };
}

function report(answer: object): void {
  writeSync(3, `${JSON.stringify(answer)}\n`);
}

main();
