import { flushCompileCache } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Invocation, Outcome } from './lambda-process.ts';

// The process in which a bundle runs, in the place of Lambda's runtime: loads the handler, then answers invocations.
// Unlike Lambda's runtime, this one takes the next invocation while others are still running.

flushCompileCache(); // keeps this file, whose types are stripped, for the next process, since this one is killed in the end

const [, , bundlePath = ''] = process.argv;
const { handler } = await import(pathToFileURL(bundlePath).href);

process.on('disconnect', () => process.exit()); // the parent process has ended
process.on('message', async (invocation: Invocation) => {
  process.send?.(await answer(invocation));
});
process.send?.('ready');

async function answer(invocation: Invocation): Promise<Outcome> {
  const { id } = invocation;
  if ('probe' in invocation) return { id, result: heapUsed() };
  try {
    return { id, result: await handler(invocation.event, lambdaContext(id, invocation.timeoutMs)) };
  } catch (error) {
    return { id, error: String(error) };
  }
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function lambdaContext(awsRequestId: string, timeoutMs: number) {
  const deadline = Date.now() + timeoutMs;
  return { awsRequestId, getRemainingTimeInMillis: () => deadline - Date.now() };
}
