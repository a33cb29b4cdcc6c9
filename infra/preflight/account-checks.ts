import { CONCURRENCY } from '../compute/concurrency.ts';
import type { Settings } from '../settings/deployment-settings.ts';
import { type Finding, good, open, todo, unless } from '../terminal/finding.ts';
import type { AwsAccount } from './aws-account.ts';

/** What CDK's templates ask for. */
const BOOTSTRAP_VERSION = 6;

export async function checkBootstrap({ ssm }: AwsAccount): Promise<Finding> {
  const name = '/cdk-bootstrap/hnb659fds/version';
  const answer = await ssm.getParameter({ Name: name }).catch((error: Error) => {
    if (error.name !== 'ParameterNotFound') throw error;
  });
  const version = answer?.Parameter?.Value;
  if (Number(version) >= BOOTSTRAP_VERSION) return good(`version ${version}.`);
  const found = version === undefined ? 'there is none' : `version ${version} is too old`;
  return todo(`${found}. Run \`npx cdk bootstrap\`.`);
}

/** What Lambda keeps for functions that reserve nothing. */
const UNRESERVED = 100;

/** Whether Lambda lets the functions reserve their concurrency, beside what those already deployed have reserved. */
export async function checkConcurrency({ lambda, region }: AwsAccount, settings: Settings): Promise<Finding> {
  const reservedBy = async (name: string): Promise<number> => {
    const answer = await lambda
      .getFunctionConcurrency({ FunctionName: `${settings.name}-${name}` })
      .catch((error: Error) => {
        if (error.name !== 'ResourceNotFoundException') throw error;
      });
    return answer?.ReservedConcurrentExecutions ?? 0;
  };
  const [{ AccountLimit: limit }, ...reserved] = await Promise.all([
    lambda.getAccountSettings({}),
    ...['rpc-ping', 'health-check', 'fleet-page', 'fleet'].map(reservedBy),
  ]);
  const isKept = 'newBroker' in settings || settings.s3PrefixListId !== undefined;
  const wanted =
    settings.pingConcurrency + CONCURRENCY.sweep + (isKept ? CONCURRENCY.page + CONCURRENCY.fleet : 0);
  const free = (limit?.UnreservedConcurrentExecutions ?? 0) + reserved.reduce((sum, each) => sum + each);
  const total = limit?.ConcurrentExecutions ?? 0;
  return unless(
    [
      free < wanted + UNRESERVED &&
        `${free} are unreserved in ${region}, and the functions need ${wanted} beside the ${UNRESERVED} that Lambda keeps. Ask for more: \`aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value ${Math.max(1000, total + wanted)}\``,
    ],
    `${free} unreserved, ${wanted} wanted`,
  );
}

/** Whether each ARN in the settings is of the account and region of the deployment. */
export function checkArns({ id, region }: AwsAccount, settings: Settings): Finding {
  const arns = Object.entries(settings)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].startsWith('arn:'))
    .map(([name, arn]) => ({ name, place: arn.split(':')[3], owner: arn.split(':')[4] }));
  const elsewhere = arns.filter(({ place }) => place !== region);
  const foreign = arns.filter(({ owner }) => owner !== id);
  if (elsewhere.length === 0 && foreign.length > 0)
    return open(
      `${foreign.map(({ name, owner }) => `${name} is of the account ${owner}`).join(', ')}, which must let this one use it.`,
    );
  return unless(
    elsewhere.map(({ name, place }) => `${name} is in ${place}: set another one, or AWS_REGION`),
    'all ARNs are of it',
  );
}
