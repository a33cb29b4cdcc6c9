import { type ISecurityGroup, Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { allowNoEgress, type Network, securityGroup } from './network.ts';

/** The way to one of OpenStack's APIs, for the functions that have the security group: to its port and nothing else there. */
export class OpenStackAccess extends Construct {
  readonly securityGroup: ISecurityGroup;

  /** @param name of the API, in the descriptions of the rules too @param cidr where it is; or its security group */
  constructor(
    scope: Construct,
    name: string,
    { vpc }: Network,
    url: string,
    cidr: string | undefined,
    securityGroupId: string | undefined,
  ) {
    super(scope, name);
    const port = Port.tcp(Number(new URL(url).port || 443));
    const own = securityGroup(this, 'Function', vpc, `the function that asks ${name}`);
    this.securityGroup = own;
    if (cidr) own.addEgressRule(Peer.ipv4(cidr), port, name);
    else allowNoEgress(own);
    if (securityGroupId) {
      const group = SecurityGroup.fromSecurityGroupId(this, name, securityGroupId);
      own.connections.allowTo(group, port, name);
    }
  }
}
