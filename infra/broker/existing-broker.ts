import { Stack } from 'aws-cdk-lib';
import { type ISecurityGroup, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { BrokerAccess } from '../network/broker-access.ts';
import type { ExistingBrokerSettings } from '../settings/broker-settings.ts';

/** A broker that the stack does not change, except for letting the functions in. */
export class ExistingBroker extends Construct implements BrokerAccess {
  readonly name: string;
  readonly endpoint: string | undefined;
  readonly description: BrokerAccess['description'];
  readonly secretArn: string;
  readonly securityGroup: ISecurityGroup;

  constructor(scope: Construct, id: string, settings: ExistingBrokerSettings) {
    super(scope, id);
    const { name, endpoint, id: brokerId } = settings;
    this.name = name;
    this.endpoint = endpoint;
    this.description = brokerId === undefined ? undefined : { id: brokerId, arn: arn(this, name, brokerId) };
    this.secretArn = settings.secretArn;
    this.securityGroup = SecurityGroup.fromSecurityGroupId(this, 'SecurityGroup', settings.securityGroupId);
  }
}

function arn(scope: Construct, name: string, id: string): string {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:mq:${region}:${account}:broker:${name}:${id}`;
}
