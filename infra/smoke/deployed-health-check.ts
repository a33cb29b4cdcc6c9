import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Summary } from '../../functions/sweep/summary.ts';
import { asking, CONNECTION, sentence } from './aws-error.ts';

/** The health check failed, or the function of that name is not this project's. */
export class HealthCheckFailed extends Error {
  override readonly name = 'HealthCheckFailed';
  readonly code = 'health_check_failed';
}

/**
 * Invokes the deployed health check once, for the whole fleet, and waits for the summary as long as the sweep takes.
 *
 * @throws AwsError, HealthCheckFailed
 */
export async function invokeHealthCheck(functionName: string): Promise<Summary> {
  const lambda = new LambdaClient({ ...CONNECTION, maxAttempts: 1 });
  const { FunctionError: kind, Payload: payload } = await asking(
    `The health check ${functionName} cannot be invoked`,
    lambda.send(new InvokeCommand({ FunctionName: functionName, Payload: '{}' })),
  );
  const answer: unknown = JSON.parse(payload?.transformToString() || 'null');
  if (kind !== undefined)
    throw new HealthCheckFailed(
      `The health check ${functionName} has failed: ${sentence(String(Object(answer).errorMessage ?? kind))} ` +
        'Correct the setting or the secret, and deploy.',
    );
  if (!isSummary(answer))
    throw new HealthCheckFailed(
      `${functionName} has not answered with a summary: ${JSON.stringify(answer).slice(0, 200)}. ` +
        'Another function has this name, or another version is deployed.',
    );
  return answer;
}

/**
 * Whether a sweep's summary shows a sound deployment: broker reachable, no error, guests listed, and not all guests
 * unreachable. As long as one guest answers, others that do not are no fault of the deployment.
 */
export function isSound({ broker_reachable, error, list_problem, unreachable, reachable }: Summary): boolean {
  const areAllGuestsDead = unreachable > 0 && reachable === 0;
  return broker_reachable && error === undefined && list_problem === undefined && !areAllGuestsDead;
}

const NUMBERS = [
  'checked',
  'reachable',
  'unreachable',
  'unknown',
  'duration_ms',
  'unreachable_guests_omitted',
];
const LISTS = ['unreachable_guests', 'malformed_ids', 'duplicate_ids'];

/** Checks the fields that the report and {@link isSound} read. */
function isSummary(answer: unknown): answer is Summary {
  const fields: Readonly<Record<string, unknown>> = Object(answer);
  return (
    NUMBERS.every((name) => typeof fields[name] === 'number') &&
    LISTS.every((name) => Array.isArray(fields[name])) &&
    typeof fields['broker_reachable'] === 'boolean' &&
    typeof fields['unreachable_by_reason'] === 'object'
  );
}
