import { Fn, RemovalPolicies, Stack, Validations } from 'aws-cdk-lib';
import { CfnBroker, CfnConfiguration } from 'aws-cdk-lib/aws-amazonmq';
import { Peer, Port } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { securityGroup } from '../network/network.ts';
import { ownVpc } from '../network/own-vpc.ts';
import { type BrokerModel, configurationOf, limitsOf } from './broker-limits.ts';

export interface GuestRpcPingBrokerProps {
  readonly name: string;
  /** The block of the broker's VPC: 256 private addresses. */
  readonly vpcCidr: string;
  /** Two zones. By default CloudFormation's first two, which a new zone may change. */
  readonly availabilityZones?: readonly string[] | undefined;
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

/**
 * A private RabbitMQ on Amazon MQ with a network of its own, on which all of Trove depends. Nothing of it is deleted with its
 * stack or when it is replaced, unless its first deployment fails. Put it in a stack of its own, with termination protection.
 */
export class GuestRpcPingBroker extends Construct {
  readonly brokerId: string;
  /** The `broker`, `vpc` and `s3` of the functions beside it. The broker's administrator makes their user. */
  readonly place;

  constructor(scope: Construct, id: string, props: GuestRpcPingBrokerProps) {
    super(scope, id);
    const { name, vpcCidr, availabilityZones, version = '4.2', model = CLUSTER, kmsKeyArn } = props;
    const { clientCidrs = [], clientSecurityGroupIds = [], maxMessageBytes = 4 * 1024 ** 2 } = props;
    const network = new Construct(new Construct(this, 'Network'), 'OwnVpc');
    const { vpc, routeTableIds } = ownVpc(network, vpcCidr, availabilityZones);
    const inner = new Construct(this, 'Broker');
    const group = securityGroup(inner, 'SecurityGroup', vpc, 'the broker');
    const amqps = Port.tcp(5671);
    const clients = 'Trove and its guests';
    for (const cidr of clientCidrs) group.addIngressRule(Peer.ipv4(cidr), amqps, clients);
    for (const id of clientSecurityGroupIds) group.addIngressRule(Peer.securityGroupId(id), amqps, clients);
    // The password is generated, and stands in the secret alone.
    const administrator = new Secret(inner, 'Administrator', {
      description: `The administrator of the broker ${name}`,
      ...(props.secretsKey && { encryptionKey: props.secretsKey }),
      generateSecretString: {
        secretStringTemplate: '{"username":"administrator"}',
        generateStringKey: 'password',
        passwordLength: 48,
        excludePunctuation: true, // Amazon MQ refuses , : =
      },
    });
    Validations.of(administrator).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Amazon MQ cannot rotate a RabbitMQ user by itself; infra/README.md says how, without an interruption.',
    });
    const subnetIds = vpc.isolatedSubnets.map((subnet) => subnet.subnetId);
    const [dayOfWeek = '', timeOfDay = ''] = props.maintenanceWindow?.split(' ') ?? [];
    const broker = new CfnBroker(inner, 'Broker', {
      brokerName: name,
      engineType: 'RABBITMQ',
      engineVersion: version,
      ...(version !== '3.13' && {
        configuration: configuration(inner, name, version, configurationOf(model, maxMessageBytes)),
      }),
      autoMinorVersionUpgrade: true, // Amazon MQ accepts no other value for RabbitMQ
      hostInstanceType: model.instanceType,
      deploymentMode: model.isCluster ? 'CLUSTER_MULTI_AZ' : 'SINGLE_INSTANCE',
      publiclyAccessible: false,
      ...(kmsKeyArn && { encryptionOptions: { kmsKeyId: kmsKeyArn, useAwsOwnedKey: false } }),
      ...(props.maintenanceWindow && {
        maintenanceWindowStartTime: { dayOfWeek, timeOfDay, timeZone: 'UTC' },
      }),
      subnetIds: model.isCluster ? subnetIds : subnetIds.slice(0, 1),
      securityGroups: [group.securityGroupId],
      logs: { general: true },
      users: [
        {
          // Dynamic references, which CloudFormation resolves: the template has no secret.
          username: administrator.secretValueFromJson('username').unsafeUnwrap(),
          password: administrator.secretValueFromJson('password').unsafeUnwrap(),
        },
      ],
    });
    const { connectionsInAll: maxConnections, queues: maxQueues } = limitsOf(model);
    const access = {
      name,
      endpoint: Fn.select(0, broker.attrAmqpEndpoints),
      administrator,
      securityGroup: group,
      maxConnections,
      maxQueues,
    };
    this.brokerId = broker.ref;
    this.place = { broker: access, vpc, s3: { routeTableIds, isOwn: true } };
    RemovalPolicies.of(this).retainOnUpdateOrDelete();
  }
}

function configuration(scope: Construct, name: string, version: string, text: string) {
  const { attrId, attrRevision } = new CfnConfiguration(scope, 'Configuration', {
    // Each version needs a configuration of its own, and Amazon MQ refuses a second one of the same name.
    name: `${name}-${version}-${Fn.select(2, Fn.split('/', Stack.of(scope).stackId))}`,
    engineType: 'RABBITMQ',
    engineVersion: version,
    data: Buffer.from(text).toString('base64'),
  });
  return { id: attrId, revision: attrRevision };
}
