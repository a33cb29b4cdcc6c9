import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { ParsedOptions } from '../settings/deployment-settings.ts';
import { allowNoEgress, type Network, securityGroup } from './network.ts';

/**
 * Opens the way to one of OpenStack's APIs: to its port and nothing else there.
 *
 * @returns of the functions that may go there; undefined: there is no such API
 */
export function openStackAccess(
  scope: Construct,
  name: 'Keystone' | 'Trove',
  { vpc }: Network,
  options: ParsedOptions,
): SecurityGroup | undefined {
  const api = name === 'Keystone' ? 'keystone' : 'trove';
  const { [`${api}Url` as const]: url, [`${api}Cidr` as const]: cidr } = options;
  const { [`${api}SecurityGroupId` as const]: securityGroupId } = options;
  if (url === undefined) return undefined;
  const way = new Construct(scope, name);
  const port = Port.tcp(Number(new URL(url).port || 443));
  const own = securityGroup(way, 'Function', vpc, `the function that asks ${name}`);
  if (cidr) own.addEgressRule(Peer.ipv4(cidr), port, name);
  else allowNoEgress(own);
  if (securityGroupId)
    own.connections.allowTo(SecurityGroup.fromSecurityGroupId(way, name, securityGroupId), port, name);
  return own;
}
