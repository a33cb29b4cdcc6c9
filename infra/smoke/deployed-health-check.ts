import { Lambda } from '@aws-sdk/client-lambda';
import type { Summary } from '../../functions/sweep/summary.ts';
import { asking, CONNECTION, sentence } from '../terminal/aws-error.ts';

/**
 * Invokes the deployed health check once, for the whole fleet, and waits for the summary as long as the sweep takes.
 *
 * @throws Error that says what to do
 */
export async function invokeHealthCheck(functionName: string): Promise<Summary> {
  const lambda = new Lambda({ ...CONNECTION, maxAttempts: 1 });
  const { FunctionError: kind, Payload: payload } = await asking(
    `The health check ${functionName} cannot be invoked`,
    lambda.invoke({ FunctionName: functionName, Payload: '{}' }),
  );
  const answer: unknown = JSON.parse(payload?.transformToString() || 'null');
  if (kind !== undefined)
    throw new Error(
      `The health check ${functionName} has failed: ${sentence(String(Object(answer).errorMessage ?? kind))} ` +
        'Correct the setting or the secret, and deploy.',
    );
  if (isSummary(answer)) return answer;
  throw new Error(
    `${functionName} has not answered with a summary: ${JSON.stringify(answer).slice(0, 200)}. ` +
      'Another function has this name, or another version is deployed.',
  );
}

/**
 * Whether a sweep's summary shows a sound deployment: the broker can be reached, the guests are listed, there is no error, and
 * some guest answers, if any is counted. Where one answers, the others' silence is no fault of the deployment.
 */
export function isSound({ broker_reachable, error, list_problem, unreachable, reachable }: Summary): boolean {
  const areAllGuestsDead = unreachable > 0 && reachable === 0;
  return broker_reachable && error === undefined && list_problem === undefined && !areAllGuestsDead;
}

/** Told by a field of every version's summary, and by the newest one. */
function isSummary(answer: unknown): answer is Summary {
  const { broker_reachable: isReachable, orphaned_queues: orphaned } = Object(answer);
  return typeof isReachable === 'boolean' && Array.isArray(orphaned);
}
