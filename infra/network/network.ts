import { Annotations, Fn, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

export interface NetworkProps {
  readonly vpc: ec2.IVpc;
  /** By default the VPC's isolated ones. */
  readonly subnets?: ec2.SubnetSelection | undefined;
}

/**
 * Where the functions run: private subnets, from which only the broker and the called AWS APIs can be reached. There
 * is no NAT gateway.
 */
export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly securityGroup: ec2.SecurityGroup;
  readonly #endpointsSecurityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, { vpc, subnets }: NetworkProps) {
    super(scope, id);
    this.vpc = vpc;
    Annotations.of(this.vpc).acknowledgeWarning(
      '@aws-cdk/aws-ec2:noSubnetRouteTableId',
      'No route is made: interface endpoints and functions need none.',
    );
    this.subnets = subnets ?? { subnets: [...vpc.isolatedSubnets] };
    this.securityGroup = securityGroup(this, 'Functions', vpc, 'the functions');
    allowNoEgress(this.securityGroup);
    this.#endpointsSecurityGroup = securityGroup(
      this,
      'Endpoints',
      vpc,
      'the interface endpoints of AWS APIs',
    );
    this.connect(this.#endpointsSecurityGroup, 443, 'AWS APIs');
  }

  /** Lets the functions connect to a TCP port: a rule in both security groups. */
  connect(to: ec2.ISecurityGroup, port: number, description: string): void {
    this.securityGroup.connections.allowTo(to, ec2.Port.tcp(port), description);
  }

  /**
   * Opens a private way to Secrets Manager, for these secrets alone.
   *
   * @returns the URL of the endpoint. Its private DNS name stays off: in a shared VPC, that name would lead other
   * applications' calls to this endpoint, which refuses them.
   */
  openSecretsManager(secretArns: readonly string[]): string {
    const endpoint = this.#endpoint(
      'SecretsManager',
      ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      false,
    );
    this.#allow(endpoint, 'secretsmanager:GetSecretValue', secretArns);
    // An entry is "<hosted zone>:<name>"; the name in the first entry holds in all zones.
    return `https://${Fn.select(1, Fn.split(':', Fn.select(0, endpoint.vpcEndpointDnsEntries)))}`;
  }

  /**
   * Opens a private way to Amazon MQ's API. The endpoint has a private DNS name for the dual-stack address alone,
   * `mq.<region>.api.aws`, so callers set `AWS_USE_DUALSTACK_ENDPOINT`.
   */
  openAmazonMq(brokerArn: string): void {
    const endpoint = this.#endpoint('AmazonMq', ec2.InterfaceVpcEndpointAwsService.MQ, true);
    this.#allow(endpoint, 'mq:DescribeBroker', [brokerArn]);
  }

  /** Opens the way to this account's private APIs, for callers at these addresses. */
  openApis(callerCidrs: readonly string[]): ec2.InterfaceVpcEndpoint {
    const callers = securityGroup(this, 'Callers', this.vpc, 'the interface endpoint of private APIs');
    allowNoEgress(callers);
    for (const cidr of callerCidrs)
      callers.addIngressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), 'Callers of the API');
    // Without a private DNS name, which would lead the VPC's calls of all public APIs here.
    const endpoint = this.#endpoint('Apis', ec2.InterfaceVpcEndpointAwsService.APIGATEWAY, false, callers);
    const { partition, region, account } = Stack.of(this);
    const apis = `arn:${partition}:execute-api:${region}:${account}:*`;
    endpoint.addToPolicy(allowing('execute-api:Invoke', [apis]));
    return endpoint;
  }

  /** Lets this account's principals do one thing through an endpoint. */
  #allow(endpoint: ec2.InterfaceVpcEndpoint, action: string, resources: readonly string[]): void {
    const conditions = { StringEquals: { 'aws:PrincipalAccount': Stack.of(this).account } };
    endpoint.addToPolicy(allowing(action, resources, conditions));
  }

  #endpoint(
    id: string,
    service: ec2.InterfaceVpcEndpointAwsService,
    privateDnsEnabled: boolean,
    securityGroup = this.#endpointsSecurityGroup,
  ) {
    return new ec2.InterfaceVpcEndpoint(this, id, {
      vpc: this.vpc,
      subnets: this.subnets,
      service,
      privateDnsEnabled,
      securityGroups: [securityGroup],
      open: false,
    });
  }
}

/** A security group that lets nothing out or in until it is told to. */
export function securityGroup(scope: Construct, id: string, vpc: ec2.IVpc, what: string): ec2.SecurityGroup {
  return new ec2.SecurityGroup(scope, id, {
    vpc,
    description: `Guest RPC Ping: ${what}`,
    allowAllOutbound: false,
  });
}

/** Without an inline rule, AWS adds its default one, which allows all outbound traffic; this one leads to no address in use. */
export function allowNoEgress(securityGroup: ec2.SecurityGroup): void {
  securityGroup.addEgressRule(ec2.Peer.ipv4('255.255.255.255/32'), ec2.Port.tcp(443), 'Nowhere');
}

function allowing(action: string, resources: readonly string[], conditions = {}): PolicyStatement {
  const principals = [new AnyPrincipal()];
  return new PolicyStatement({ principals, actions: [action], resources: [...resources], conditions });
}
