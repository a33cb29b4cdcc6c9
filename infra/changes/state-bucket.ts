import { Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { ParsedOptions } from '../settings/deployment-settings.ts';

const KEY = 'fleet-state.json';

/** Old states, which are there for whoever wonders what happened, are deleted after so long. */
const KEPT_FOR = Duration.days(7);

/** The bucket of one object: what the health check keeps from sweep to sweep. */
export class StateBucket extends Construct {
  readonly url: string;
  readonly #bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: KEPT_FOR, expiredObjectDeleteMarker: true }],
    });
    this.url = `s3://${this.#bucket.bucketName}/${KEY}`;
    Validations.of(this.#bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'A log of the access to one object, which two functions use, would be larger than the object.',
    });
  }

  /** What a function may do that reads the state. Without ListBucket, S3 would call a missing object forbidden. */
  get reading(): PolicyStatement[] {
    return [
      new PolicyStatement({ actions: ['s3:GetObject'], resources: [this.#bucket.arnForObjects(KEY)] }),
      new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.#bucket.bucketArn] }),
    ];
  }

  /** What a function may do that reads and replaces the state. */
  get keeping(): PolicyStatement[] {
    return [
      ...this.reading,
      new PolicyStatement({ actions: ['s3:PutObject'], resources: [this.#bucket.arnForObjects(KEY)] }),
    ];
  }

  /** Has a function keep what it knows here. */
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
