import { RemovalPolicies } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { OwnVpc } from '../network/own-vpc.ts';
import { NewBroker, type NewBrokerProps } from './new-broker.ts';

export interface GuestRpcPingBrokerProps extends NewBrokerProps {
  /** The block of the broker's VPC: 256 private addresses. */
  readonly vpcCidr: string;
  /** Two zones; undefined: CloudFormation's first two, which a new zone may change. */
  readonly availabilityZones: readonly string[] | undefined;
}

/**
 * A RabbitMQ with a network of its own, on which all of Trove depends. Nothing of it is deleted with its stack or when it is
 * replaced, unless its first deployment fails.
 */
export class GuestRpcPingBroker extends Construct {
  readonly broker: NewBroker;
  readonly network: OwnVpc;

  constructor(scope: Construct, id: string, props: GuestRpcPingBrokerProps) {
    super(scope, id);
    const { vpcCidr, availabilityZones } = props;
    this.network = new OwnVpc(new Construct(this, 'Network'), 'OwnVpc', vpcCidr, availabilityZones);
    this.broker = new NewBroker(this, 'Broker', props, this.network.vpc);
    RemovalPolicies.of(this).retainOnUpdateOrDelete();
  }
}
