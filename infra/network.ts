import { Annotations, Fn, Stack } from 'aws-cdk-lib';
import {
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { BrokerSettings, ExistingBrokerSettings, NewBrokerSettings } from './broker-settings.ts';
import { OwnVpc } from './own-vpc.ts';

/**
 * Where the functions run: private subnets, and from them no way out but to the broker and to the AWS APIs that
 * are called. No NAT gateway: the functions talk to nobody else.
 */
export class Network extends Construct {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  /** Of the functions. */
  readonly securityGroup: SecurityGroup;
  readonly #endpointsSecurityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, settings: BrokerSettings) {
    super(scope, id);
    this.vpc = settings.kind === 'new' ? ownVpc(this, settings) : existingVpc(this, settings);
    Annotations.of(this.vpc).acknowledgeWarning(
      '@aws-cdk/aws-ec2:noSubnetRouteTableId',
      'No route is made: interface endpoints and functions need none.',
    );
    this.subnets = { subnets: [...this.vpc.isolatedSubnets] };
    this.securityGroup = new SecurityGroup(this, 'Functions', {
      vpc: this.vpc,
      description: 'Guest RPC Ping: the functions',
      allowAllOutbound: false,
    });
    nowhere(this.securityGroup);
    this.#endpointsSecurityGroup = new SecurityGroup(this, 'Endpoints', {
      vpc: this.vpc,
      description: 'Guest RPC Ping: the interface endpoints of AWS APIs',
      allowAllOutbound: false,
    });
    this.connect(this.#endpointsSecurityGroup, 443, 'AWS APIs');
  }

  /** Lets the functions connect to a TCP port, on both sides. */
  connect(to: ISecurityGroup, port: number, description: string): void {
    this.securityGroup.connections.allowTo(to, Port.tcp(port), description);
  }

  /**
   * Opens a private way to Secrets Manager, for these secrets alone.
   *
   * @returns the URL to call it by. Its private DNS name stays off: in a VPC that others share, that would lead
   * their calls to this endpoint too, which does not let them in.
   */
  openSecretsManager(secretArns: readonly string[]): string {
    const endpoint = this.#endpoint('SecretsManager', InterfaceVpcEndpointAwsService.SECRETS_MANAGER, false);
    endpoint.addToPolicy(
      new PolicyStatement({
        principals: [new AnyPrincipal()],
        actions: ['secretsmanager:GetSecretValue'],
        resources: [...secretArns],
        conditions: { StringEquals: { 'aws:PrincipalAccount': Stack.of(this).account } },
      }),
    );
    // An entry is "<hosted zone>:<name>", the first one's name holds in all zones.
    return `https://${Fn.select(1, Fn.split(':', Fn.select(0, endpoint.vpcEndpointDnsEntries)))}`;
  }

  /**
   * Opens a private way to Amazon MQ's API. It is reached by the private DNS name of its dual-stack address only,
   * `mq.<region>.api.aws`: the callers have to ask for that.
   */
  openAmazonMq(brokerArn: string): void {
    this.#endpoint('AmazonMq', InterfaceVpcEndpointAwsService.MQ, true).addToPolicy(
      new PolicyStatement({
        principals: [new AnyPrincipal()],
        actions: ['mq:DescribeBroker'],
        resources: [brokerArn],
        conditions: { StringEquals: { 'aws:PrincipalAccount': Stack.of(this).account } },
      }),
    );
  }

  #endpoint(id: string, service: InterfaceVpcEndpointAwsService, privateDnsEnabled: boolean) {
    return new InterfaceVpcEndpoint(this, id, {
      vpc: this.vpc,
      subnets: this.subnets,
      service,
      privateDnsEnabled,
      securityGroups: [this.#endpointsSecurityGroup],
      open: false,
    });
  }
}

/** An inline rule of our own, to nowhere: without one AWS adds its default, which lets everything out. */
export function nowhere(securityGroup: SecurityGroup): void {
  securityGroup.addEgressRule(Peer.ipv4('255.255.255.255/32'), Port.tcp(443), 'Nowhere');
}

/** By its ids alone, as an existing one is known. */
function ownVpc(scope: Construct, { vpcCidr }: NewBrokerSettings): IVpc {
  const { vpcId, availabilityZones, isolatedSubnets } = new OwnVpc(scope, 'OwnVpc', vpcCidr).vpc;
  const isolatedSubnetIds = isolatedSubnets.map(({ subnetId }) => subnetId);
  return Vpc.fromVpcAttributes(scope, 'Vpc', { vpcId, availabilityZones, isolatedSubnetIds });
}

function existingVpc(scope: Construct, { vpcId, subnetIds }: ExistingBrokerSettings): IVpc {
  const availabilityZones = subnetIds.map((_, index) => Fn.select(index, Fn.getAzs())); // CDK wants some, and reads none
  return Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId,
    availabilityZones,
    isolatedSubnetIds: [...subnetIds],
  });
}
