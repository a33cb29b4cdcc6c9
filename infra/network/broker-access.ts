import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

/** What is asked of a secret. `Secret` itself is no `ISecret` in TypeScript's strictest mode. */
export type BrokerSecret = Pick<ISecret, 'secretArn' | 'encryptionKey'>;

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
