import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';

/** What the functions, and who watches them, have to know of the broker. */
export interface BrokerAccess {
  readonly name: string;
  /** Its `amqps://host:5671`; undefined: it is asked of Amazon MQ by the id. */
  readonly endpoint: string | undefined;
  /** How Amazon MQ may be asked about it; undefined: not at all. */
  readonly description: { readonly id: string; readonly arn: string } | undefined;
  /** Of the user as whom the functions log in. */
  readonly secretArn: string;
  readonly securityGroup: ISecurityGroup;
}
