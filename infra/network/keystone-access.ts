import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { CA_CERTIFICATES_PATH } from '../bundle/function-code.ts';
import type { KeystoneSettings } from '../settings/keystone-settings.ts';
import { type Network, nowhere } from './network.ts';

/** The way to Keystone, for the one function that asks it: to its port, and to nothing else there. */
export class KeystoneAccess extends Construct {
  /** Of the function, besides the one that all functions have. */
  readonly securityGroup: SecurityGroup;
  /** What the function has to know. */
  readonly environment: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, settings: KeystoneSettings, { vpc }: Network) {
    super(scope, id);
    this.securityGroup = new SecurityGroup(this, 'Function', {
      vpc,
      description: 'Guest RPC Ping: the function that asks Keystone',
      allowAllOutbound: false,
    });
    const port = Port.tcp(settings.port);
    if ('cidr' in settings.to) {
      this.securityGroup.addEgressRule(Peer.ipv4(settings.to.cidr), port, 'Keystone');
    } else {
      nowhere(this.securityGroup);
      const keystone = SecurityGroup.fromSecurityGroupId(this, 'Keystone', settings.to.securityGroupId);
      this.securityGroup.connections.allowTo(keystone, port, 'Keystone');
    }
    this.environment = {
      KEYSTONE_URL: settings.url,
      KEYSTONE_ADMIN_ROLES: settings.adminRoles,
      ...(settings.caCertificates && { NODE_EXTRA_CA_CERTS: CA_CERTIFICATES_PATH }),
    };
  }
}
