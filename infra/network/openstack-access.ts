import { type ISecurityGroup, Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { allowNoEgress, type Network, securityGroup } from './network.ts';

/** One of OpenStack's APIs, and where it is: a block of addresses, or a security group. */
export interface OpenStackApi {
  readonly url: string;
  readonly cidr: string | undefined;
  readonly securityGroupId: string | undefined;
}

/** The way to one of OpenStack's APIs, for the functions that have the security group: to its port and nothing else there. */
export class OpenStackAccess extends Construct {
  readonly securityGroup: ISecurityGroup;

  /** @param name of the API, in the descriptions of the rules too */
  constructor(scope: Construct, name: string, { vpc }: Network, api: OpenStackApi) {
    super(scope, name);
    const port = Port.tcp(Number(new URL(api.url).port || 443));
    const own = securityGroup(this, 'Function', vpc, `the function that asks ${name}`);
    this.securityGroup = own;
    if (api.cidr) own.addEgressRule(Peer.ipv4(api.cidr), port, name);
    else allowNoEgress(own);
    if (api.securityGroupId) {
      const group = SecurityGroup.fromSecurityGroupId(this, name, api.securityGroupId);
      own.connections.allowTo(group, port, name);
    }
  }
}
