import { Fn, Stack, Validations } from 'aws-cdk-lib';
import { CfnBroker, CfnConfiguration } from 'aws-cdk-lib/aws-amazonmq';
import { type IVpc, Peer, Port, type SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { BrokerAccess } from '../network/broker-access.ts';
import { securityGroup } from '../network/network.ts';
import { type BrokerModel, configurationOf, connectionsOfBroker, limitsOf } from './broker-limits.ts';

export interface NewBrokerProps {
  readonly name: string;
  /** By default `4.2`. On `4.3` guests must declare durable queues, see infra/README.md, Versions. */
  readonly version?: '3.13' | '4.2' | '4.3' | undefined;
  /** Size and limits. By default a cluster on `mq.m7g.large`, for production. */
  readonly model?: BrokerModel | undefined;
  /** The largest message that the broker takes. By default 4 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** A customer managed key. By default Amazon MQ's own. */
  readonly kmsKeyArn?: string | undefined;
  /** A customer managed key of the administrator's secret. By default Secrets Manager's own. */
  readonly secretsKey?: IKey | undefined;
  /** Blocks of addresses of Trove and its guests, which may connect to AMQP. By default none. */
  readonly clientCidrs?: readonly string[] | undefined;
  /** Security groups that may connect to AMQP. By default none. */
  readonly clientSecurityGroupIds?: readonly string[] | undefined;
  /** In UTC, such as `SUNDAY 03:30`. By default Amazon MQ chooses. */
  readonly maintenanceWindow?: string | undefined;
}

const CLUSTER: BrokerModel = { instanceType: 'mq.m7g.large', isCluster: true };

/** A private RabbitMQ on Amazon MQ. The administrator's password is generated, and stands in the secret alone. */
export class NewBroker extends Construct {
  readonly securityGroup: SecurityGroup;
  readonly administrator: Secret;
  readonly #broker: CfnBroker;
  readonly #name: string;
  readonly #model: BrokerModel;

  constructor(scope: Construct, id: string, props: NewBrokerProps, vpc: IVpc) {
    super(scope, id);
    const { name, version = '4.2', model = CLUSTER, kmsKeyArn } = props;
    const { clientCidrs = [], clientSecurityGroupIds = [] } = props;
    this.#name = name;
    this.#model = model;
    this.securityGroup = securityGroup(this, 'SecurityGroup', vpc, 'the broker');
    const amqps = Port.tcp(5671);
    const clients = 'Trove and its guests';
    for (const cidr of clientCidrs) this.securityGroup.addIngressRule(Peer.ipv4(cidr), amqps, clients);
    for (const id of clientSecurityGroupIds)
      this.securityGroup.addIngressRule(Peer.securityGroupId(id), amqps, clients);
    this.administrator = new Secret(this, 'Administrator', {
      description: `The administrator of the broker ${name}`,
      ...(props.secretsKey && { encryptionKey: props.secretsKey }),
      generateSecretString: {
        secretStringTemplate: '{"username":"administrator"}',
        generateStringKey: 'password',
        passwordLength: 48,
        excludePunctuation: true, // Amazon MQ refuses , : =
      },
    });
    const subnetIds = vpc.isolatedSubnets.map((subnet) => subnet.subnetId);
    const [dayOfWeek = '', timeOfDay = ''] = props.maintenanceWindow?.split(' ') ?? [];
    this.#broker = new CfnBroker(this, 'Broker', {
      brokerName: name,
      engineType: 'RABBITMQ',
      engineVersion: version,
      ...(version !== '3.13' && { configuration: this.#configuration(name, version, props.maxMessageBytes) }),
      autoMinorVersionUpgrade: true, // Amazon MQ accepts no other value for RabbitMQ
      hostInstanceType: model.instanceType,
      deploymentMode: model.isCluster ? 'CLUSTER_MULTI_AZ' : 'SINGLE_INSTANCE',
      publiclyAccessible: false,
      ...(kmsKeyArn && { encryptionOptions: { kmsKeyId: kmsKeyArn, useAwsOwnedKey: false } }),
      ...(props.maintenanceWindow && {
        maintenanceWindowStartTime: { dayOfWeek, timeOfDay, timeZone: 'UTC' },
      }),
      subnetIds: model.isCluster ? subnetIds : subnetIds.slice(0, 1),
      securityGroups: [this.securityGroup.securityGroupId],
      logs: { general: true },
      users: [
        {
          // Dynamic references, which CloudFormation resolves: the template has no secret.
          username: this.administrator.secretValueFromJson('username').unsafeUnwrap(),
          password: this.administrator.secretValueFromJson('password').unsafeUnwrap(),
        },
      ],
    });
    Validations.of(this.administrator).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Amazon MQ cannot rotate a RabbitMQ user by itself; infra/README.md says how, without an interruption.',
    });
  }

  get brokerId(): string {
    return this.#broker.ref;
  }

  /** What the functions need to know of it; its administrator makes their user. */
  get access() {
    const { connections, queues } = limitsOf(this.#model);
    return {
      name: this.#name,
      endpoint: Fn.select(0, this.#broker.attrAmqpEndpoints),
      administrator: this.administrator,
      securityGroup: this.securityGroup,
      maxConnections: connectionsOfBroker(this.#model, connections),
      maxQueues: queues,
    } satisfies BrokerAccess;
  }

  #configuration(name: string, version: string, maxMessageBytes = 4 * 1024 ** 2) {
    const { attrId, attrRevision } = new CfnConfiguration(this, 'Configuration', {
      // Each version needs a configuration of its own, and Amazon MQ refuses a second one of the same name.
      name: `${name}-${version}-${Fn.select(2, Fn.split('/', Stack.of(this).stackId))}`,
      engineType: 'RABBITMQ',
      engineVersion: version,
      data: Buffer.from(configurationOf(this.#model, maxMessageBytes)).toString('base64'),
    });
    return { id: attrId, revision: attrRevision };
  }
}
