import { Fn, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { CfnBroker } from 'aws-cdk-lib/aws-amazonmq';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { BrokerAccess } from './broker-access.ts';
import type { NewBrokerSettings } from './broker-settings.ts';
import type { Network } from './network.ts';

/** A private RabbitMQ on Amazon MQ. Its administrator's password is generated, and known to the secret alone. */
export class NewBroker extends Construct implements BrokerAccess {
  readonly name: string;
  readonly endpoint: string;
  readonly description: BrokerAccess['description'];
  readonly secretArn: string;
  readonly administratorSecretArn: string;
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, settings: NewBrokerSettings, { vpc }: Network) {
    super(scope, id);
    this.name = settings.name;
    this.securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Guest RPC Ping: the broker',
      allowAllOutbound: false,
    });
    const administrator = new Secret(this, 'Administrator', {
      description: `The administrator of the broker ${settings.name}`,
      generateSecretString: {
        secretStringTemplate: '{"username":"administrator"}',
        generateStringKey: 'password',
        passwordLength: 48,
        excludePunctuation: true, // Amazon MQ refuses , : =
      },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const subnetIds = vpc.isolatedSubnets.map((subnet) => subnet.subnetId);
    const broker = new CfnBroker(this, 'Broker', {
      brokerName: settings.name,
      engineType: 'RABBITMQ',
      engineVersion: settings.version,
      autoMinorVersionUpgrade: true, // Amazon MQ takes nothing else for RabbitMQ
      hostInstanceType: settings.instanceType,
      deploymentMode: settings.deploymentMode,
      publiclyAccessible: false,
      subnetIds: settings.deploymentMode === 'SINGLE_INSTANCE' ? subnetIds.slice(0, 1) : subnetIds,
      securityGroups: [this.securityGroup.securityGroupId],
      logs: { general: true },
      users: [
        {
          // Dynamic references: CloudFormation resolves them, the template has no secret.
          username: administrator.secretValueFromJson('username').unsafeUnwrap(),
          password: administrator.secretValueFromJson('password').unsafeUnwrap(),
        },
      ],
    });
    this.endpoint = Fn.select(0, broker.attrAmqpEndpoints);
    this.description = settings.isDescribed ? { id: broker.ref, arn: broker.attrArn } : undefined;
    this.administratorSecretArn = administrator.secretArn;
    this.secretArn = settings.secretArn ?? administrator.secretArn;
    Validations.of(administrator).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Amazon MQ cannot rotate a RabbitMQ user by itself; infra/README.md says how, without an interruption.',
    });
  }
}
