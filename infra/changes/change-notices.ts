import { Duration, Fn, Stack, Validations } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { EventBus, EventField, type IEventBus, Match, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IDestination, IFunction } from 'aws-cdk-lib/aws-lambda';
import { EventBridgeDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/**
 * How people hear of changes. Lambda puts the result of each sweep that the schedule, or another asynchronous caller,
 * has asked for on a bus of its own, from which a rule takes those with changes.
 */
export class ChangeNotices extends Construct {
  readonly bus: IEventBus;
  /** Where Lambda puts a sweep's result. */
  readonly destination: IDestination;
  /** The notices that EventBridge could not publish. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const bus = new EventBus(this, 'Bus'); // without a description, which us-gov refuses
    this.bus = EventBus.fromEventBusArn(this, 'ByArn', bus.eventBusArn);
    this.destination = new EventBridgeDestination(this.bus);
    this.undelivered = new Queue(this, 'Undelivered', {
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    for (const id of ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy'])
      Validations.of(this.undelivered).acknowledge({ id, reason: 'It is a dead-letter queue.' });
  }

  /** Publishes the changes of each sweep of this function as one sentence. @returns how many could not be published */
  publishTo(topic: ITopic, { functionArn }: IFunction): Metric {
    const rule = new Rule(this, 'Rule', {
      eventBus: this.bus,
      description: 'Guest RPC Ping: publishes what has changed',
      eventPattern: {
        source: ['lambda'],
        detailType: ['Lambda Function Invocation Result - Success'],
        detail: {
          requestContext: { functionArn: [`${functionArn}:$LATEST`] },
          responsePayload: { changes_sentence: Match.exists() },
        },
      },
    });
    const { stackName } = Stack.of(this);
    const sentence = EventField.fromPath('$.detail.responsePayload.changes_sentence');
    const input = RuleTargetInput.fromText(`${stackName}: ${sentence}`);
    // CDK's own target would let every rule of every account publish.
    const deadLetterConfig = { arn: this.undelivered.queueArn };
    rule.addTarget({ bind: () => ({ arn: topic.topicArn, input, targetResource: topic, deadLetterConfig }) });
    const allow = (action: string, resource: string) =>
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: [action],
        resources: [resource],
        conditions: { ArnEquals: { 'aws:SourceArn': rule.ruleArn } },
      });
    this.undelivered.addToResourcePolicy(allow('sqs:SendMessage', this.undelivered.queueArn));
    topic.addToResourcePolicy(allow('sns:Publish', topic.topicArn));
    return new Metric({
      namespace: 'AWS/Events',
      metricName: 'FailedInvocations',
      dimensionsMap: {
        EventBusName: this.bus.eventBusName,
        RuleName: Fn.select(2, Fn.split('/', rule.ruleArn)), // what `Ref` gives has the bus in it
      },
    });
  }
}
