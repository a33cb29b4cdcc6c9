import { flushCompileCache } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Context } from 'aws-lambda';
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

function lambdaContext(awsRequestId: string, timeoutMs: number): Context {
  const deadline = Date.now() + timeoutMs;
  const {
    AWS_LAMBDA_FUNCTION_NAME: name = '',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memoryLimitInMB = '',
    AWS_LAMBDA_LOG_STREAM_NAME: stream = '',
  } = process.env;
  return {
    awsRequestId,
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${name}`,
    memoryLimitInMB,
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: stream,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}
