import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';

/** An `ISecret`, or a `Secret`, which is none in TypeScript's strictest mode. */
export interface BrokerSecret {
  readonly secretArn: string;
  readonly secretFullArn?: string | undefined;
  readonly encryptionKey?: IKey | undefined;
}

/** The ARN as policies need it: a secret that is known by its name alone has six more characters. */
export function arnInPolicies({ secretArn, secretFullArn }: BrokerSecret): string {
  return secretFullArn ?? `${secretArn}-??????`;
}

/** The broker that the functions ask, and its place in the network. */
export interface BrokerAccess {
  /** By which Amazon MQ's metrics are found. */
  readonly name: string;
  /** `amqps://host:5671`. Endpoint or id is needed. */
  readonly endpoint?: string | undefined;
  /** With it the functions may ask Amazon MQ for the endpoint and the broker's state, through an interface endpoint. */
  readonly id?: string | undefined;
  /** `{"username", "password"}` of the user as whom the functions log in. By default they are made one. */
  readonly secret?: BrokerSecret | undefined;
  /** `{"username", "password"}` of the broker's administrator, by which users are made; needed where there is no `secret`. */
  readonly administrator?: BrokerSecret | undefined;
  /** Gets two rules, which let the functions in at the ports 5671 and 443. */
  readonly securityGroup: ISecurityGroup;
  /** How many connections and queues the broker takes, on all nodes together: alarms ring at 80 % of them. */
  readonly maxConnections: number;
  readonly maxQueues: number;
}
