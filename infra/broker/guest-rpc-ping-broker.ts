import { RemovalPolicies } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { OwnVpc } from '../network/own-vpc.ts';
import { NewBroker, type NewBrokerProps } from './new-broker.ts';

export interface GuestRpcPingBrokerProps extends NewBrokerProps {
  /** The block of the broker's VPC: 256 private addresses. */
  readonly vpcCidr: string;
  /** Two zones. By default CloudFormation's first two, which a new zone may change. */
  readonly availabilityZones?: readonly string[] | undefined;
}

/**
 * A RabbitMQ with a network of its own, on which all of Trove depends. Nothing of it is deleted with its stack or when it is
 * replaced, unless its first deployment fails. Put it in a stack of its own, with termination protection.
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

  /** The `broker`, `vpc` and `s3` of the functions beside it. */
  get place() {
    const { vpc, routeTableIds } = this.network;
    return { broker: this.broker.access, vpc, s3: { routeTableIds, isOwn: true } };
  }
}
