import type { IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { BrokerAccess } from './network/broker-access.ts';
import type { S3Way } from './network/s3-access.ts';
import type { Options } from './settings/deployment-settings.ts';

/** Where the functions run and whom they ask. The options are the settings of the same names in infra/README.md. */
export interface GuestRpcPingProps extends Options {
  readonly broker: BrokerAccess;
  readonly vpc: IVpc;
  /** Private subnets of the VPC, from which the broker can be reached. By default its isolated subnets. */
  readonly subnets?: SubnetSelection | undefined;
  /** The way to S3. By default there is none: no state is kept and no changes are reported. */
  readonly s3?: S3Way | undefined;
  /** How many pings may run at once; each holds one connection to the broker. By default 10. */
  readonly pingConcurrency?: number | undefined;
  /** Who may call the API, where IAM decides. By default nobody, until a policy allows `execute-api:Invoke`. */
  readonly callers?: readonly IGrantable[] | undefined;
  /** Gets the alarms and the changes. By default a new topic. */
  readonly topic?: ITopic | undefined;
  /** Encrypts logs, state, the topic and the secrets that are made. By default AWS's own keys. */
  readonly key?: IKey | undefined;
  /** The folder of the functions' code. By default that of the bundles that the package brings. */
  readonly bundles?: string | undefined;

  /** Change it to give the functions a new user of the broker; the previous one is deleted. By default 1. */
  readonly brokerUserRevision?: number | undefined;
  /** Whether Trove is made a user of the broker, too. By default not. */
  readonly troveUser?: boolean | undefined;
}
