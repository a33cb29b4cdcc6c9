import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';

/** What functions, alarms and dashboard need of the broker, whether new or existing. */
export interface BrokerAccess {
  readonly name: string;
  /** `amqps://host:5671`; undefined: the functions ask Amazon MQ for the endpoint, by the broker's id. */
  readonly endpoint: string | undefined;
  /** By which the functions may ask Amazon MQ about the broker; undefined: they may not. */
  readonly description: { readonly id: string; readonly arn: string } | undefined;
  /** The secret of the user as whom the functions log in. */
  readonly secretArn: string;
  readonly securityGroup: ISecurityGroup;
}
