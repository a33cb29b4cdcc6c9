import { type BrokerSettings, readBroker } from './broker-settings.ts';
import { Context, InvalidSetting } from './cdk-context.ts';
import { type FleetStateSettings, readFleetState } from './fleet-state-settings.ts';
import { type KeystoneSettings, readKeystone, readTrove, type TroveSettings } from './openstack-settings.ts';

/** The settings that the deployer gives to the stack, parsed. */
export interface Settings {
  /** In the names of functions and alarms, and the namespace of the metrics: each stack of an account has another. */
  readonly stackName: string;
  readonly broker: BrokerSettings;
  /** How many pings may run at once; each holds one connection to the broker. */
  readonly pingConcurrency: number;
  readonly vhost: string;
  readonly controlExchange: string;
  readonly rpcTimeoutSeconds: number;
  readonly noConsumerGraceSeconds: number;
  readonly guestKeySecretPrefix: string | undefined;
  /** True: a guest whose key is known must answer encrypted. */
  readonly requireEncryption: boolean;
  /** The customer managed key that encrypts the secrets; undefined: AWS's own. */
  readonly secretsKmsKeyArn: string | undefined;
  /** True: no IAM authorization, so that whoever finds the URL may ping. */
  readonly anyoneMayCallTheApi: boolean;
  /** Who says who may ping; undefined: IAM does, unless anyone may. */
  readonly keystone: KeystoneSettings | undefined;
  /** Trove's own list of guests; undefined: it is not asked. */
  readonly trove: TroveSettings | undefined;
  /** Topics of the control plane that each sweep pings, joined by commas; empty: none. */
  readonly controlPlaneTopics: string;
  readonly healthCheckRateMinutes: number;
  readonly fleetState: FleetStateSettings;
  /** On which the health check's share of a processor depends. */
  readonly healthCheckMemoryMb: number;
  /** The alarm `GuestsUnreachable` rings at this number. */
  readonly unreachableGuests: number;
  readonly alarmEmail: string | undefined;
}

/**
 * By default, pings get this share of the broker's connections, up to this number. The rest is for guests and Trove's
 * control plane.
 */
const PING_SHARE = 0.1;
const MAX_PING_CONCURRENCY = 50;

/** Lambda ends a ping after 20 s, and the function keeps half a second of that for the answer. */
const MAX_RPC_TIMEOUT_SECONDS = 18;

/**
 * Reads the settings from CDK's context, where everything is text (`-c name=value`) or JSON (`cdk.json`).
 *
 * @throws InvalidSetting for the first wrong setting
 */
export function readSettings(values: Readonly<Record<string, unknown>>): Settings {
  const context = new Context(values);
  const broker = readBroker(context);
  const { maxConnections } = broker;
  const pingConcurrency = context.integer(
    'pingConcurrency',
    Math.min(MAX_PING_CONCURRENCY, Math.floor(maxConnections * PING_SHARE)),
    1,
    1000,
  );
  if (2 * pingConcurrency >= maxConnections) {
    throw new InvalidSetting(
      `pingConcurrency=${pingConcurrency} leaves others no connection to a broker that takes ` +
        `${maxConnections} (see brokerMaxConnections): it must be less than half of that.`,
    );
  }
  const settings = {
    stackName:
      context.text(
        'stackName',
        /^[A-Za-z][A-Za-z0-9-]{0,50}$/,
        'at most 51 letters, digits and hyphens, of which the first is a letter',
      ) ?? 'GuestRpcPing',
    broker,
    pingConcurrency,
    vhost: context.text('brokerVhost') ?? '/',
    controlExchange: context.text('controlExchange') ?? 'trove',
    rpcTimeoutSeconds: context.number('rpcTimeoutSeconds', 15, 0.1, MAX_RPC_TIMEOUT_SECONDS),
    noConsumerGraceSeconds: context.number('noConsumerGraceSeconds', 1, 0.1, MAX_RPC_TIMEOUT_SECONDS),
    guestKeySecretPrefix: context.text(
      'guestKeySecretPrefix',
      /^[\w/+=.@-]{6,}$/,
      "the beginning of a secret's name, at least six characters",
    ),
    requireEncryption: context.boolean('requireEncryption'),
    secretsKmsKeyArn: context.text(
      'secretsKmsKeyArn',
      /^arn:[\w-]+:kms:[^:]+:\d{12}:key\/.+$/,
      'the ARN of a KMS key',
    ),
    anyoneMayCallTheApi: context.boolean('anyoneMayCallTheApi'),
    keystone: readKeystone(context),
    trove: readTrove(context),
    controlPlaneTopics: readTopics(context),
    healthCheckRateMinutes: context.integer('healthCheckRateMinutes', 5, 2, 60),
    fleetState: readFleetState(context, broker),
    healthCheckMemoryMb: context.integer('healthCheckMemoryMb', 1024, 256, 10_240),
    unreachableGuests: context.integer('unreachableGuests', 1, 1, 100_000),
    alarmEmail: context.text('alarmEmail', /^[^@\s]+@[^@\s]+$/, 'an e-mail address'),
  };
  if (settings.noConsumerGraceSeconds > settings.rpcTimeoutSeconds)
    throw new InvalidSetting('noConsumerGraceSeconds must not be more than rpcTimeoutSeconds.');
  if (settings.requireEncryption && settings.guestKeySecretPrefix === undefined)
    throw new InvalidSetting('requireEncryption needs guestKeySecretPrefix.');
  context.refuseUnknown();
  return settings;
}

function readTopics(context: Context): string {
  const topics = context.text(
    'controlPlaneTopics',
    /^([\w.-]+:)?[\w.-]+(,([\w.-]+:)?[\w.-]+)*$/,
    'topics (or exchange:topic), joined by commas, or none',
  );
  return topics === 'none' ? '' : (topics ?? 'taskmanager,trove-conductor');
}
