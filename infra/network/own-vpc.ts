import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { LOG_RETENTION } from '../monitoring/log-retention.ts';

/**
 * Makes a VPC for a new broker: two private subnets without a route to or from the internet.
 *
 * @param cidr a block of 256 addresses
 * @param zones two; undefined: the region's first two
 */
export function ownVpc(scope: Construct, cidr: string, zones: readonly string[] | undefined) {
  const vpc = new ec2.Vpc(scope, 'Vpc', {
    ipAddresses: ec2.IpAddresses.cidr(cidr),
    ...(zones ? { availabilityZones: [...zones] } : { maxAzs: 2 }),
    natGateways: 0,
    subnetConfiguration: [{ name: 'Private', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 26 }],
    // CDK would restrict the group by a function whose log outlives the stack. Nothing uses the group.
    restrictDefaultSecurityGroup: false,
  });
  const routeTableIds = vpc.isolatedSubnets.map(({ routeTable }) => routeTable.routeTableId);
  // By its ids, since CDK's class does not fit its own interface in TypeScript's strictest mode.
  const byId = ec2.Vpc.fromVpcAttributes(scope, 'ById', {
    vpcId: vpc.vpcId,
    availabilityZones: vpc.availabilityZones,
    isolatedSubnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
    isolatedSubnetRouteTableIds: [...routeTableIds],
  });
  vpc.addFlowLog('Refused', {
    trafficType: ec2.FlowLogTrafficType.REJECT,
    destination: ec2.FlowLogDestination.toCloudWatchLogs(
      new LogGroup(scope, 'RefusedTraffic', { retention: LOG_RETENTION }),
    ),
  });
  return { vpc: byId, routeTableIds };
}
