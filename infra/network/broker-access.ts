import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';

/** The broker that the functions ask, and its place in the network. */
export interface BrokerAccess {
  readonly name: string;
  /** `amqps://host:5671`. Endpoint or id is needed. */
  readonly endpoint?: string | undefined;
  /** With it the functions may ask Amazon MQ for the endpoint and the broker's state, through an interface endpoint. */
  readonly id?: string | undefined;
  /** The secret `{"username", "password"}` of the user as whom the functions log in; by default they are made one. */
  readonly secretArn?: string | undefined;
  /** The secret of the broker's administrator, by which the users are made; needed where there is no `secretArn`. */
  readonly administratorSecretArn?: string | undefined;
  readonly securityGroup: ISecurityGroup;
  /** How many connections and queues the broker takes, on all nodes together. */
  readonly maxConnections: number;
  readonly maxQueues: number;
}
