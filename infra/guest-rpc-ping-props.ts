import type { IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Bundles } from './bundle/bundles.ts';
import type { BrokerAccess } from './network/broker-access.ts';
import type { S3Way } from './network/s3-access.ts';
import type { Options } from './settings/deployment-settings.ts';

/** Where the functions run and whom they ask. The options are the settings of the same names in infra/README.md. */
export interface GuestRpcPingProps extends Options {
  readonly broker: BrokerAccess;
  readonly vpc: IVpc;
  /** Private subnets of the VPC, from which the broker can be reached. By default its isolated subnets. */
  readonly subnets?: SubnetSelection | undefined;
  /** The way to S3. By default there is none: no state is kept and no changes are reported. */
  readonly s3?: S3Way | undefined;
  /** How many pings may run at once; each holds one connection to the broker. By default 10. */
  readonly pingConcurrency?: number | undefined;
  /** Who may call the API, where IAM decides. By default nobody, until a policy allows `execute-api:Invoke`. */
  readonly callers?: readonly IGrantable[] | undefined;
  /** Gets the alarms and the changes. By default a new topic. */
  readonly topic?: ITopic | undefined;
  /** Gets the alarms and the changes by mail, once its owner has confirmed. By default nobody. */
  readonly alarmEmail?: string | undefined;
  /** Encrypts logs, state, the topic and the secrets that are made. By default AWS's own keys. */
  readonly key?: IKey | undefined;
  /** The functions' code. By default the bundles that the package brings. */
  readonly bundles?: Bundles | undefined;

  /** Change it to give the functions a new user of the broker; the previous one is deleted. By default 1. */
  readonly brokerUserRevision?: number | undefined;
  /** Whether Trove is made a user of the broker, too. By default not. */
  readonly troveUser?: boolean | undefined;
  /** By default `/`. */
  readonly brokerVhost?: string | undefined;
  /** Trove's `control_exchange`. By default `trove`. */
  readonly controlExchange?: string | undefined;
  /** Topics of the control plane that each sweep pings, joined by commas. By default `taskmanager,trove-conductor`. */
  readonly controlPlaneTopics?: string | undefined;
  /** The wait for the guest's answer, at most 18. By default 15. */
  readonly rpcTimeoutSeconds?: number | undefined;
  /** The wait when nobody consumes the guest's queue. By default 0.25. */
  readonly noConsumerGraceSeconds?: number | undefined;

  /** The secrets `<prefix><instance id>` hold the guests' RPC keys. By default all guests are in the clear. */
  readonly guestKeySecretPrefix?: string | undefined;
  /** Whether a guest whose key is known must answer encrypted. By default not. */
  readonly requireEncryption?: boolean | undefined;
  /** The customer managed key that encrypts these secrets. By default that of the broker's secret, if it has one. */
  readonly secretsKmsKeyArn?: string | undefined;

  /** Who can reach the API: the internet, or what comes through a VPC endpoint. By default the internet. */
  readonly access?: 'public' | 'private' | undefined;
  /** The VPC endpoint of `execute-api` through which a private API is called. By default the stack makes one. */
  readonly apiEndpointId?: string | undefined;
  /** Blocks of addresses that may connect to the endpoint that is made. */
  readonly callerCidrs?: string[] | undefined;
  /** A name of your own for a public API, and the ARN of its certificate in ACM. By default API Gateway's name. */
  readonly domainName?: string | undefined;
  readonly certificateArn?: string | undefined;
  /** Whether whoever finds the URL may ping. By default callers sign (IAM). */
  readonly anyoneMayCallTheApi?: boolean | undefined;
  /** Keystone's v3 API, `https://…/v3`, whose admins may call. By default callers sign (IAM). */
  readonly keystoneUrl?: string | undefined;
  /** The block of addresses where Keystone is; this or the security group is needed with `keystoneUrl`. */
  readonly keystoneCidr?: string | undefined;
  readonly keystoneSecurityGroupId?: string | undefined;
  /** Roles that count as admin, joined by commas. By default `admin`. */
  readonly keystoneAdminRoles?: string | undefined;
  /** A PEM file of the CA that signs the certificates of Keystone and Trove. By default the CAs that Node trusts. */
  readonly caCertificates?: string | undefined;

  /** Trove's API, `https://…/v1.0`, whose list says which guests should answer. By default Trove is not asked. */
  readonly troveUrl?: string | undefined;
  /** The block of addresses where Trove's API is; this or the security group is needed with `troveUrl`. */
  readonly troveCidr?: string | undefined;
  readonly troveSecurityGroupId?: string | undefined;
  /** The secret `{"id", "secret"}` of an admin's application credential; needed with `troveUrl`. */
  readonly troveSecretArn?: string | undefined;
  /** How long a guest may keep silent where Trove expects that. By default 60. */
  readonly expectedSilenceMinutes?: number | undefined;

  /** From one sweep to the next, 2 to 60. By default 5. */
  readonly healthCheckRateMinutes?: number | undefined;
  /** By default 1024. */
  readonly healthCheckMemoryMb?: number | undefined;
  /** How many sweeps in a row must find a guest unreachable. By default 2. */
  readonly unreachableAfterSweeps?: number | undefined;
  /** How many sweeps in a row must reach an unreachable guest. By default 1. */
  readonly reachableAfterSweeps?: number | undefined;
  /** When an unreachable guest counts as abandoned. By default 168. */
  readonly abandonedAfterHours?: number | undefined;
  /** How often what is still unreachable is told again. By default 24. */
  readonly remindAfterHours?: number | undefined;
  /** From how many unreachable guests on the alarm `GuestsUnreachable` rings. By default 1. */
  readonly unreachableGuests?: number | undefined;
}
