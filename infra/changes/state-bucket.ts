import { Aws, Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { ParsedOptions } from '../settings/deployment-settings.ts';

const KEY = 'fleet-state.json';

/** What has changed, a month an object, and how long it is kept after the month's last change. */
const MONTHS = 'history/????-??.jsonl';
const HISTORY_KEPT_FOR = Duration.days(400);

/** Old states, which are there for whoever wonders what happened, are deleted after so long. */
const KEPT_FOR = Duration.days(7);

/** The bucket of what the health check keeps from sweep to sweep, and of what has changed. */
export class StateBucket extends Construct {
  readonly url: string;
  readonly #bucket: Bucket;
  readonly #key: IKey | undefined;

  /** @param key a customer managed one; undefined: S3's own */
  constructor(scope: Construct, id: string, key: IKey | undefined) {
    super(scope, id);
    this.#key = key;
    this.#bucket = new Bucket(this, 'Bucket', {
      ...(key
        ? { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }
        : { encryption: BucketEncryption.S3_MANAGED }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: [
        { noncurrentVersionExpiration: KEPT_FOR, expiredObjectDeleteMarker: true },
        { prefix: 'history/', expiration: HISTORY_KEPT_FOR },
      ],
    });
    this.url = `s3://${this.#bucket.bucketName}/${KEY}`;
    Validations.of(this.#bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'A log of the access to a few objects, which two functions use, would be larger than they are.',
    });
  }

  /** What a function may do that reads the state. Without ListBucket, S3 would call a missing object forbidden. */
  get reading(): PolicyStatement[] {
    return [
      new PolicyStatement({ actions: ['s3:GetObject'], resources: [this.#bucket.arnForObjects(KEY)] }),
      new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.#bucket.bucketArn] }),
      ...this.#usingKey('kms:Decrypt'),
    ];
  }

  /** What a function may do, besides, that reads the history. */
  get readingHistory(): PolicyStatement[] {
    return [
      new PolicyStatement({ actions: ['s3:GetObject'], resources: [this.#bucket.arnForObjects(MONTHS)] }),
    ];
  }

  /** What a function may do that reads and replaces all of it. */
  get keeping(): PolicyStatement[] {
    const resources = [KEY, MONTHS].map((key) => this.#bucket.arnForObjects(key));
    const writing = new PolicyStatement({ actions: ['s3:PutObject'], resources });
    return [...this.reading, ...this.readingHistory, writing, ...this.#usingKey('kms:GenerateDataKey')];
  }

  #usingKey(action: string): PolicyStatement[] {
    if (this.#key === undefined) return [];
    const conditions = { StringEquals: { 'kms:ViaService': `s3.${Aws.REGION}.amazonaws.com` } };
    return [new PolicyStatement({ actions: [action], resources: [this.#key.keyArn], conditions })];
  }

  keepFor(keeper: LambdaFunction, settings: ParsedOptions): void {
    for (const statement of this.keeping) keeper.addToRolePolicy(statement);
    keeper.addEnvironment('FLEET_STATE_URL', this.url);
    keeper.addEnvironment('UNREACHABLE_AFTER_SWEEPS', String(settings.unreachableAfterSweeps));
    keeper.addEnvironment('REACHABLE_AFTER_SWEEPS', String(settings.reachableAfterSweeps));
    keeper.addEnvironment('HEALTH_CHECK_RATE_MINUTES', String(settings.healthCheckRateMinutes));
    keeper.addEnvironment('ABANDONED_AFTER_HOURS', String(settings.abandonedAfterHours));
    keeper.addEnvironment('REMIND_AFTER_HOURS', String(settings.remindAfterHours));
  }
}
