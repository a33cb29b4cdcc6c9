import { Stack } from 'aws-cdk-lib';
import { CfnVPCEndpoint, Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyDocument, type PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { S3Way } from '../settings/fleet-state-settings.ts';
import { type Network, nowhere } from './network.ts';

/** The way to S3, for the one function that keeps something there: a gateway endpoint, which costs nothing. */
export class S3Access extends Construct {
  /** Of the function, besides the one that all functions have. */
  readonly securityGroup: SecurityGroup;

  /** @param allowed what a VPC of the stack's own lets through; others may use an existing VPC's endpoint as well */
  constructor(scope: Construct, id: string, way: S3Way, network: Network, allowed: PolicyStatement[]) {
    super(scope, id);
    const { vpc, ownRouteTableIds } = network;
    const isOwn = ownRouteTableIds.length > 0;
    const routeTableIds = isOwn ? ownRouteTableIds : way.routeTableIds;
    if (routeTableIds.length > 0)
      new CfnVPCEndpoint(this, 'Endpoint', {
        vpcEndpointType: 'Gateway',
        vpcId: vpc.vpcId,
        serviceName: `com.amazonaws.${Stack.of(this).region}.s3`,
        routeTableIds: [...routeTableIds],
        ...(isOwn && { policyDocument: ofThisAccount(allowed, Stack.of(this).account) }),
      });
    this.securityGroup = new SecurityGroup(this, 'Function', {
      vpc,
      description: 'Guest RPC Ping: the function that keeps its state in S3',
      allowAllOutbound: false,
    });
    if (way.prefixListId !== undefined) nowhere(this.securityGroup);
    // Anywhere: in the stack's own VPC alone, which leads to S3 and to what has been connected to that VPC.
    const s3 = way.prefixListId === undefined ? Peer.anyIpv4() : Peer.prefixList(way.prefixListId);
    this.securityGroup.addEgressRule(s3, Port.tcp(443), 'S3');
  }
}

function ofThisAccount(allowed: readonly PolicyStatement[], account: string): PolicyDocument {
  const statements = allowed.map((statement) =>
    statement.copy({
      principals: [new AnyPrincipal()],
      conditions: { StringEquals: { 'aws:PrincipalAccount': account } },
    }),
  );
  return new PolicyDocument({ statements });
}
