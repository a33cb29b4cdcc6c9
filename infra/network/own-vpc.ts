import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { LOG_RETENTION } from '../monitoring/log-retention.ts';

/** A VPC for a new broker: two private subnets without a route to or from the internet. */
export class OwnVpc extends Construct {
  readonly vpc: ec2.IVpc;
  /** Of its subnets. */
  readonly routeTableIds: readonly string[];

  /** @param cidr a block of 256 addresses @param zones two; undefined: the region's first two */
  constructor(scope: Construct, id: string, cidr: string, zones: readonly string[] | undefined) {
    super(scope, id);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      ...(zones ? { availabilityZones: [...zones] } : { maxAzs: 2 }),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Private', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 26 }],
      // CDK would restrict the group by a function whose log outlives the stack. Nothing uses the group.
      restrictDefaultSecurityGroup: false,
    });
    this.routeTableIds = vpc.isolatedSubnets.map(({ routeTable }) => routeTable.routeTableId);
    // By its ids, since CDK's class does not fit its own interface in TypeScript's strictest mode.
    this.vpc = ec2.Vpc.fromVpcAttributes(this, 'ById', {
      vpcId: vpc.vpcId,
      availabilityZones: vpc.availabilityZones,
      isolatedSubnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
      isolatedSubnetRouteTableIds: [...this.routeTableIds],
    });
    vpc.addFlowLog('Refused', {
      trafficType: ec2.FlowLogTrafficType.REJECT,
      destination: ec2.FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'RefusedTraffic', { retention: LOG_RETENTION }),
      ),
    });
  }
}
