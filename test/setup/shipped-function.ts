import type { LocalFunction } from '../../infra/local/parts/lambda-process.ts';

/** A function of the synthesized stack: its asset, memory and time-out. */
export function shippedFunction(name: 'rpc-ping' | 'health-check'): LocalFunction {
  const {
    name: functionName,
    bundlePath,
    timeoutMs,
    memoryMb,
  } = JSON.parse(process.env[`TEST_FUNCTION_${name}`] ?? '{}');
  if (typeof bundlePath !== 'string')
    throw new Error('The tests run by `npm test`, which synthesizes the stack');
  return { name: functionName, bundlePath, timeoutMs, memoryMb };
}
