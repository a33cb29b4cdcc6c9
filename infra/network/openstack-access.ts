import { type ISecurityGroup, Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { OpenStackApi } from '../settings/openstack-settings.ts';
import { type Network, nowhere } from './network.ts';

/** The way to one of OpenStack's APIs, for the functions that have the security group: to its port and nothing else there. */
export class OpenStackAccess extends Construct {
  readonly securityGroup: ISecurityGroup;

  /** @param name of the API, in the descriptions of the rules */
  constructor(scope: Construct, id: string, name: string, { port, to }: OpenStackApi, { vpc }: Network) {
    super(scope, id);
    const own = new SecurityGroup(this, 'Function', {
      vpc,
      description: `Guest RPC Ping: the function that asks ${name}`,
      allowAllOutbound: false,
    });
    this.securityGroup = own;
    if ('cidr' in to) {
      own.addEgressRule(Peer.ipv4(to.cidr), Port.tcp(port), name);
    } else {
      nowhere(own);
      own.connections.allowTo(
        SecurityGroup.fromSecurityGroupId(this, name, to.securityGroupId),
        Port.tcp(port),
        name,
      );
    }
  }
}
