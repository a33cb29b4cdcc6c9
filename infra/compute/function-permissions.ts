import { Aws } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';

// What the functions may do, beside writing their logs; on the saved state, `changes/state-bucket.ts` says it.

/** Lets Lambda attach the function to a VPC, and denies the same actions to the function's own code. */
export function attachToVpc(functionName: string): PolicyStatement[] {
  const actions = [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const functionArn = `arn:${Aws.PARTITION}:lambda:${Aws.REGION}:${Aws.ACCOUNT_ID}:function:${functionName}`;
  const conditions = { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } };
  return [
    new PolicyStatement({ actions, resources: ['*'] }),
    new PolicyStatement({ effect: Effect.DENY, actions, resources: ['*'], conditions }),
  ];
}

/**
 * What a function may do that logs in to the broker: read secrets, and ask Amazon MQ about the broker.
 *
 * @param keyArns customer managed keys of these secrets
 * @param brokerArn undefined: Amazon MQ is not asked
 */
export function loggingIn(
  secretArns: readonly string[],
  keyArns: readonly (string | undefined)[],
  brokerArn: string | undefined,
): PolicyStatement[] {
  const conditions = { StringEquals: { 'kms:ViaService': `secretsmanager.${Aws.REGION}.amazonaws.com` } };
  const keys = [...new Set(keyArns)].filter((arn) => arn !== undefined);
  const wanted = [
    { actions: ['secretsmanager:GetSecretValue'], resources: [...secretArns] },
    { actions: ['kms:Decrypt'], resources: keys, conditions },
    { actions: ['mq:DescribeBroker'], resources: brokerArn === undefined ? [] : [brokerArn] },
  ];
  const given = wanted.filter(({ resources }) => resources.length > 0);
  return given.map((statement) => new PolicyStatement(statement));
}
