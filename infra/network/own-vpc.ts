import { FlowLogDestination, FlowLogTrafficType, IpAddresses, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** A VPC for a new broker: two private subnets without a route to or from the internet. */
export class OwnVpc extends Construct {
  readonly vpc: Vpc;
  /** Of its subnets. */
  readonly routeTableIds: readonly string[];

  /** @param cidr a block of 256 addresses */
  constructor(scope: Construct, id: string, cidr: string) {
    super(scope, id);
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(cidr),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'Private', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 26 }],
      // CDK would restrict the group by a function whose log outlives the stack. Nothing uses the group.
      restrictDefaultSecurityGroup: false,
    });
    this.routeTableIds = this.vpc.isolatedSubnets.map(({ routeTable }) => routeTable.routeTableId);
    this.vpc.addFlowLog('Refused', {
      trafficType: FlowLogTrafficType.REJECT,
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'RefusedTraffic', { retention: RetentionDays.ONE_MONTH }),
      ),
    });
  }
}
