import { Annotations, Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { CfnBroker, CfnConfiguration } from 'aws-cdk-lib/aws-amazonmq';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { BrokerAccess } from '../network/broker-access.ts';
import type { Network } from '../network/network.ts';
import type { NewBrokerSettings } from '../settings/broker-settings.ts';

/** A private RabbitMQ on Amazon MQ. The administrator's password is generated, and stands in the secret alone. */
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
    const { version, instanceType, isCluster } = settings.model;
    const subnetIds = vpc.isolatedSubnets.map((subnet) => subnet.subnetId);
    const broker = new CfnBroker(this, 'Broker', {
      brokerName: settings.name,
      engineType: 'RABBITMQ',
      engineVersion: version,
      ...(settings.limits && { configuration: this.#configuration(settings.name, version, settings.limits) }),
      autoMinorVersionUpgrade: true, // Amazon MQ accepts no other value for RabbitMQ
      hostInstanceType: instanceType,
      deploymentMode: isCluster ? 'CLUSTER_MULTI_AZ' : 'SINGLE_INSTANCE',
      publiclyAccessible: false,
      subnetIds: isCluster ? subnetIds : subnetIds.slice(0, 1),
      securityGroups: [this.securityGroup.securityGroupId],
      logs: { general: true },
      users: [
        {
          // Dynamic references, which CloudFormation resolves: the template has no secret.
          username: administrator.secretValueFromJson('username').unsafeUnwrap(),
          password: administrator.secretValueFromJson('password').unsafeUnwrap(),
        },
      ],
    });
    this.endpoint = Fn.select(0, broker.attrAmqpEndpoints);
    this.description = settings.isDescribed ? { id: broker.ref, arn: broker.attrArn } : undefined;
    this.administratorSecretArn = administrator.secretArn;
    this.secretArn = settings.secretArn ?? administrator.secretArn;
    if (settings.secretArn === undefined)
      Annotations.of(this).addWarningV2(
        'guest-rpc-ping:administrator',
        "The functions log in as the broker's administrator. Create a user for them and set brokerSecretArn: see infra/README.md, The broker's user.",
      );
    Validations.of(administrator).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Amazon MQ cannot rotate a RabbitMQ user by itself; infra/README.md says how, without an interruption.',
    });
  }

  #configuration(
    brokerName: string,
    version: string,
    limits: NonNullable<NewBrokerSettings['limits']>,
  ): CfnBroker.ConfigurationIdProperty {
    const { attrId, attrRevision } = new CfnConfiguration(this, 'Configuration', {
      // Each version needs a configuration of its own, and Amazon MQ refuses a second one of the same name.
      name: `${brokerName}-${version}-${Fn.select(2, Fn.split('/', Stack.of(this).stackId))}`,
      engineType: 'RABBITMQ',
      engineVersion: version,
      data: Buffer.from(cuttlefish(limits)).toString('base64'),
    });
    return { id: attrId, revision: attrRevision };
  }
}

/** The limits in the format of `rabbitmq.conf`. */
function cuttlefish(limits: NonNullable<NewBrokerSettings['limits']>): string {
  return [
    `connection_max = ${limits.connections}`,
    `channel_max_per_node = ${limits.channels}`,
    `cluster_queue_limit = ${limits.queues}`,
    `cluster_exchange_limit = ${limits.exchanges}`,
    `max_message_size = ${limits.messageBytes}`,
    '',
  ].join('\n');
}
