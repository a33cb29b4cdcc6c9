import { type BrokerSettings, readBroker } from './broker-settings.ts';
import { Context, InvalidSetting } from './cdk-context.ts';
import { type KeystoneSettings, readKeystone } from './keystone-settings.ts';

/** What the deployer decides, parsed. */
export interface Settings {
  readonly broker: BrokerSettings;
  /** The broker's limit of connections. */
  readonly maxConnections: number;
  /** How many pings may run at once; each holds one connection to the broker. */
  readonly pingConcurrency: number;
  readonly vhost: string;
  readonly controlExchange: string;
  readonly rpcTimeoutSeconds: number;
  readonly noConsumerGraceSeconds: number;
  readonly guestKeySecretPrefix: string | undefined;
  /** The customer managed key of the secrets, where there is one. */
  readonly secretsKmsKeyArn: string | undefined;
  /** No IAM authorization: whoever finds the URL may ping. */
  readonly anyoneMayCallTheApi: boolean;
  /** Who says who may ping; undefined: IAM does, unless anyone may. */
  readonly keystone: KeystoneSettings | undefined;
  readonly healthCheckRateMinutes: number;
  /** From how many unreachable guests on there is an alarm. */
  readonly unreachableGuests: number;
  readonly alarmEmail: string | undefined;
}

/** The pings' share of the broker's connections, and what they need at most: guests and control plane come first. */
const PING_SHARE = 0.1;
const MAX_PING_CONCURRENCY = 50;

/** Lambda ends a ping after 20 s, and half a second of it is kept for the answer. */
const MAX_RPC_TIMEOUT_SECONDS = 18;

/**
 * Reads the settings from CDK's context, where everything is text (`-c name=value`) or JSON (`cdk.json`).
 *
 * @throws InvalidSetting, one clear sentence
 */
export function readSettings(values: Readonly<Record<string, unknown>>): Settings {
  const context = new Context(values);
  const broker = readBroker(context);
  const maxConnections = context.integer('brokerMaxConnections', broker.knownMaxConnections, 20, 1_000_000);
  const pingConcurrency = context.integer(
    'pingConcurrency',
    Math.min(MAX_PING_CONCURRENCY, Math.floor(maxConnections * PING_SHARE)),
    1,
    1000,
  );
  if (2 * pingConcurrency >= maxConnections) {
    throw new InvalidSetting(
      `pingConcurrency=${pingConcurrency} leaves others no connection to a broker that takes ` +
        `${maxConnections} (brokerMaxConnections): it must be less than half of that.`,
    );
  }
  const settings = {
    broker,
    maxConnections,
    pingConcurrency,
    vhost: context.text('brokerVhost') ?? '/',
    controlExchange: context.text('controlExchange') ?? 'trove',
    rpcTimeoutSeconds: context.number('rpcTimeoutSeconds', 15, 0.1, MAX_RPC_TIMEOUT_SECONDS),
    noConsumerGraceSeconds: context.number('noConsumerGraceSeconds', 1, 0.1, MAX_RPC_TIMEOUT_SECONDS),
    guestKeySecretPrefix: context.text(
      'guestKeySecretPrefix',
      /^[\w/+=.@-]+$/,
      'the beginning of a secret’s name',
    ),
    secretsKmsKeyArn: context.text(
      'secretsKmsKeyArn',
      /^arn:[\w-]+:kms:[^:]+:\d{12}:key\/.+$/,
      'the ARN of a KMS key',
    ),
    anyoneMayCallTheApi: context.boolean('anyoneMayCallTheApi'),
    keystone: readKeystone(context),
    healthCheckRateMinutes: context.integer('healthCheckRateMinutes', 5, 2, 60),
    unreachableGuests: context.integer('unreachableGuests', 1, 1, 100_000),
    alarmEmail: context.text('alarmEmail', /^[^@\s]+@[^@\s]+$/, 'an e-mail address'),
  };
  if (settings.noConsumerGraceSeconds > settings.rpcTimeoutSeconds)
    throw new InvalidSetting('noConsumerGraceSeconds must not be more than rpcTimeoutSeconds.');
  context.refuseUnknown();
  return settings;
}
