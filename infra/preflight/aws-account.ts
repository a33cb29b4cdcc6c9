import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { EC2 } from '@aws-sdk/client-ec2';
import { KMS } from '@aws-sdk/client-kms';
import { Lambda } from '@aws-sdk/client-lambda';
import { Mq } from '@aws-sdk/client-mq';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SSM } from '@aws-sdk/client-ssm';
import { STS } from '@aws-sdk/client-sts';
import { asking } from '../terminal/aws-error.ts';

/** No check takes longer than seconds, whatever is in the way. */
const OPTIONS = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
} as const;

/** The account and the region that the credentials of this machine lead to, and AWS's APIs there. */
export type AwsAccount = Awaited<ReturnType<typeof awsAccount>>;

/** @throws Error that says what to do where there are no credentials, no region, or no such account */
export async function awsAccount() {
  const sts = new STS(OPTIONS);
  const what = "The caller's identity cannot be read";
  const [region, { Account: id, Arn: caller }] = await asking(
    what,
    Promise.all([sts.config.region(), sts.getCallerIdentity({})]),
  );
  if (id === undefined || caller === undefined) throw new Error(`${what}: the answer is none of AWS's.`);
  return {
    id,
    region,
    /** The ARN of the user or role. */
    caller,
    cloudFormation: new CloudFormation(OPTIONS),
    ec2: new EC2(OPTIONS),
    kms: new KMS(OPTIONS),
    lambda: new Lambda(OPTIONS),
    mq: new Mq(OPTIONS),
    secretsManager: new SecretsManager(OPTIONS),
    ssm: new SSM(OPTIONS),
  };
}
