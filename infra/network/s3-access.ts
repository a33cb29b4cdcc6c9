import { Aws, Fn, Stack } from 'aws-cdk-lib';
import { CfnVPCEndpoint, Peer, Port, type SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { allowNoEgress, type Network, securityGroup } from './network.ts';

/** The way from the functions' subnets to S3, through a gateway endpoint. */
export interface S3Way {
  /** AWS's list of S3's addresses in the region; undefined: not known, so that port 443 anywhere may be reached. */
  readonly prefixListId?: string | undefined;
  /** The tables in which the endpoint's route is made; none: the VPC has it. */
  readonly routeTableIds?: readonly string[] | undefined;
  /** True: nobody else goes to S3 from this VPC, so that the endpoint lets nothing else through. */
  readonly isOwn?: boolean;
}

/** The way to S3, for the one function that keeps something there: a gateway endpoint, which costs nothing. */
export class S3Access extends Construct {
  /** Of the function, besides the one that all functions have. */
  readonly securityGroup: SecurityGroup;

  /** @param allowed what the function does there */
  constructor(scope: Construct, id: string, way: S3Way, network: Network, allowed: PolicyStatement[]) {
    super(scope, id);
    const { vpc } = network;
    const { routeTableIds = [], isOwn = false } = way;
    if (routeTableIds.length > 0)
      new CfnVPCEndpoint(this, 'Endpoint', {
        vpcEndpointType: 'Gateway',
        vpcId: vpc.vpcId,
        serviceName: `com.amazonaws.${Stack.of(this).region}.s3`,
        routeTableIds: [...routeTableIds],
        ...(isOwn && { policyDocument: policyOf(allowed, Stack.of(this)) }),
      });
    this.securityGroup = securityGroup(this, 'Function', vpc, 'the function that keeps its state in S3');
    if (way.prefixListId !== undefined) allowNoEgress(this.securityGroup);
    // Anywhere: in the stack's own VPC alone, which leads to S3 and to what has been connected to that VPC.
    const s3 = way.prefixListId === undefined ? Peer.anyIpv4() : Peer.prefixList(way.prefixListId);
    this.securityGroup.addEgressRule(s3, Port.tcp(443), 'S3');
  }
}

/** Lets through what this account may do, and what CloudFormation's custom resources answer to a URL that it has signed. */
function policyOf(allowed: readonly PolicyStatement[], { account, region }: Stack): PolicyDocument {
  const principals = [new AnyPrincipal()];
  const conditions = { StringEquals: { 'aws:PrincipalAccount': account } };
  const bucket = `cloudformation-custom-resource-response-${Fn.join('', Fn.split('-', region))}`;
  const statements = [
    ...allowed
      .filter(({ actions }) => actions.every((action) => action.startsWith('s3:')))
      .map((statement) => statement.copy({ principals, conditions })),
    new PolicyStatement({
      principals,
      actions: ['s3:PutObject'],
      resources: [`arn:${Aws.PARTITION}:s3:::${bucket}/*`],
    }),
  ];
  return new PolicyDocument({ statements });
}
