import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Api } from '../api/api.ts';
import type { BrokerAccess } from '../network/broker-access.ts';
import type { ParsedOptions } from '../settings/deployment-settings.ts';
import { brokerMetric, ownMetric, worstNode } from './metrics.ts';

export interface AlarmsProps {
  readonly broker: BrokerAccess;
  readonly options: ParsedOptions;
  /** A customer managed key of the topic that is made; undefined: it is not encrypted. */
  readonly key: IKey | undefined;
  readonly topic: ITopic | undefined;
  readonly functions: { readonly ping: IFunction; readonly sweep: IFunction };
  readonly api: Api;
}

interface Condition {
  readonly description: string;
  readonly metric: cloudwatch.IMetric;
  /** By default `atLeast`. */
  readonly is?: 'below' | 'atLeast';
  /** By default 1. */
  readonly threshold?: number;
  /** The alarm rings when the condition holds in n of m periods; by default in one of one. */
  readonly periods?: readonly [n: number, m: number];
  readonly missingData?: cloudwatch.TreatMissingData;
}

const SUM = { statistic: cloudwatch.Stats.SUM, period: Duration.minutes(5) };

/** The share of the broker's limit of connections, or queues, at which an alarm rings. */
const CROWDED = 0.8;

/** The alarms, which all publish to one SNS topic when they begin and when they end. */
export class Alarms extends Construct {
  readonly topic: ITopic;
  readonly all: cloudwatch.Alarm[] = [];
  readonly #ratePeriod: Duration;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { broker, options, key, functions, api } = props;
    const { alarmEmail, controlPlaneTopics, healthCheckRateMinutes, unreachableGuests } = options;
    this.topic =
      props.topic ?? new Topic(this, 'Topic', { enforceSSL: true, ...(key && { masterKey: key }) });
    this.topic.addToResourcePolicy(publishByAlarms(this.topic, Stack.of(this)));
    if (alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(alarmEmail));
    this.#ratePeriod = Duration.minutes(healthCheckRateMinutes);
    this.#watchFleet(unreachableGuests);
    if (controlPlaneTopics !== '')
      this.#add('ControlPlaneUnreachable', {
        description:
          'A topic of the control plane does not answer: trove-taskmanager or trove-conductor is down.',
        ...this.#ofSweep('ControlPlaneUnreachable', 'atLeast'),
      });
    this.#watchFunction('Ping', functions.ping);
    this.#watchFunction('Sweep', functions.sweep);
    this.#add('Api5xx', {
      description:
        'The API answered 5xx: the function is misconfigured, failed or was throttled. See its log.',
      metric: api.serverErrors.with(SUM),
    });
    this.#add('ApiThrottled', {
      description: 'The API answered 429: it gets more requests than pingConcurrency lets through.',
      metric: api.throttled.with(SUM),
    });
    this.#watchBroker(broker);
  }

  #watchBroker({ name, maxConnections, maxQueues }: BrokerAccess): void {
    const period = Duration.minutes(5);
    const { MAXIMUM, MINIMUM } = cloudwatch.Stats;
    const metric = (of: string, statistic = MAXIMUM) => brokerMetric(name, of, { statistic, period });
    this.#add('BrokerCrowded', {
      description: `${CROWDED * 100} % of the broker's connections are in use: raise its limit or close connections.`,
      metric: metric('ConnectionCount'),
      threshold: Math.ceil(CROWDED * maxConnections),
    });
    this.#add('BrokerQueuesCrowded', {
      description: `${CROWDED * 100} % of the broker's queues are in use: soon no new guest can register.`,
      metric: metric('QueueCount'),
      threshold: Math.ceil(CROWDED * maxQueues),
    });
    this.#add('BrokerMemory', {
      description: 'The broker uses 80 % of the memory at which it blocks all publishers.',
      metric: new cloudwatch.MathExpression({
        expression: '100 * used / limit',
        usingMetrics: { used: metric('RabbitMQMemUsed'), limit: metric('RabbitMQMemLimit', MINIMUM) },
      }),
      threshold: 80,
    });
    this.#add('BrokerDisk', {
      description: 'The broker has less than twice the free disk at which it blocks all publishers.',
      metric: new cloudwatch.MathExpression({
        expression: 'free / limit',
        usingMetrics: { free: metric('RabbitMQDiskFree', MINIMUM), limit: metric('RabbitMQDiskFreeLimit') },
      }),
      is: 'below',
      threshold: 2,
    });
    this.#add('BrokerCpu', {
      description:
        'A node of the broker has used 80 % of its processors again and again for a quarter of an hour.',
      metric: worstNode(name, 'SystemCpuUtilization', period),
      threshold: 80,
      periods: [3, 3],
    });
  }

  #watchFleet(unreachableGuests: number): void {
    this.#add('BrokerUnreachable', {
      description: 'The health check cannot reach the broker: see reason and error in its log.',
      ...this.#ofSweep('BrokerReachable', 'below'),
    });
    this.#add('GuestsUnreachable', {
      description: `${unreachableGuests} or more guests are unreachable. The dashboard lists them, with the reason of each.`,
      ...this.#ofSweep('GuestsUnreachable', 'atLeast'),
      threshold: unreachableGuests,
      missingData: cloudwatch.TreatMissingData.IGNORE, // a sweep that checked no guest does not end the alarm
    });
    this.#add('SweepIncomplete', {
      description: "Sweeps ended early or could not list the guests: see `error` in the health check's log.",
      ...this.#ofSweep('SweepComplete', 'below'),
    });
    this.#add('NoSweep', {
      description:
        'No sweep has ended for three times the rate: nobody pings the guests. See the log of the health check.',
      ...this.#ofSweep('BrokerReachable', 'below', cloudwatch.Stats.SAMPLE_COUNT),
      periods: [3, 3],
      missingData: cloudwatch.TreatMissingData.BREACHING,
    });
  }

  /** @param unpublished how many notices EventBridge gave up @param undelivered those that it kept */
  watchChanges(sweep: IFunction, unpublished: cloudwatch.Metric, undelivered: IQueue): void {
    this.#add('FleetStateLost', {
      description:
        'The state of the fleet could not be read or written: changes are not reported, or reported again with each sweep.',
      ...this.#ofSweep('FleetStateKept', 'below'),
    });
    this.#add('FleetShrank', {
      description:
        'Of the guests that answered before, more than a fifth (three at least), or all, no longer answer: see the log of the health check.',
      ...this.#ofSweep('FleetShrank', 'atLeast'),
      periods: [1, 1],
    });
    this.#add('ChangesUndelivered', {
      description:
        'The result of a sweep did not reach the event bus, or its notice not the topic: its changes were not delivered.',
      metric: new cloudwatch.MathExpression({
        expression: 'FILL(failed, 0) + FILL(unpublished, 0) + FILL(left, 0)',
        usingMetrics: {
          failed: sweep.metric('DestinationDeliveryFailures', SUM),
          unpublished: unpublished.with(SUM),
          left: undelivered.metricApproximateNumberOfMessagesVisible({
            ...SUM,
            statistic: cloudwatch.Stats.MAXIMUM,
          }),
        },
      }),
    });
  }

  #watchFunction(name: string, watched: IFunction): void {
    this.#add(`${name}Errors`, {
      description: 'The function failed or timed out without an answer. See its log.',
      metric: watched.metricErrors(SUM),
    });
    this.#add(`${name}Throttles`, {
      description: 'Lambda refused an invocation: as many run as are reserved for the function.',
      metric: watched.metricThrottles(SUM),
    });
  }

  /** A metric of the health check, by default its worst value in each period; bad in two of three sweeps. */
  #ofSweep(
    name: string,
    is: 'below' | 'atLeast',
    statistic = is === 'below' ? cloudwatch.Stats.MINIMUM : cloudwatch.Stats.MAXIMUM,
  ) {
    const metric = ownMetric(this, 'health-check', name, { statistic, period: this.#ratePeriod });
    return { metric, is, periods: [2, 3] } as const;
  }

  #add(id: string, condition: Condition): void {
    const { description, metric, is, threshold = 1, periods: [n, m] = [1, 1], missingData } = condition;
    const alarm = new cloudwatch.Alarm(this, id, {
      alarmName: `${Stack.of(this).stackName}-${id}`,
      alarmDescription: description,
      metric,
      comparisonOperator:
        is === 'below'
          ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold,
      evaluationPeriods: m,
      datapointsToAlarm: n,
      treatMissingData: missingData ?? cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    const action = new SnsAction(this.topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
    this.all.push(alarm);
  }
}

/** Lets the account's alarms publish: a topic with a policy of its own loses SNS's default, which did that. */
function publishByAlarms({ topicArn }: ITopic, { partition, region, account }: Stack): PolicyStatement {
  return new PolicyStatement({
    principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['sns:Publish'],
    resources: [topicArn],
    conditions: {
      StringEquals: { 'aws:SourceAccount': account },
      ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:*` },
    },
  });
}
