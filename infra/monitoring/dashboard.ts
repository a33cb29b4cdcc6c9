import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { BrokerAccess } from '../network/broker-access.ts';
import type { ParsedOptions } from '../settings/deployment-settings.ts';
import type { Alarms } from './alarms.ts';
import { brokerMetric, ownMetric, type Service, unreachableByReason } from './metrics.ts';

export interface DashboardProps {
  readonly broker: BrokerAccess;
  readonly options: ParsedOptions;
  readonly alarms: Alarms;
  readonly sweepLog: ILogGroup;
  /** Shows which guests cannot be reached; undefined where no state is kept. */
  readonly page: IFunction | undefined;
}

/** One page for the operator: the fleet now, its round trips, the unreachable guests by reason, and the broker. */
export class Dashboard extends Construct {
  readonly url: string;
  readonly arn: string;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const sweepPeriod = Duration.minutes(props.options.healthCheckRateMinutes);
    const dashboard = new cloudwatch.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    if (props.page) dashboard.addWidgets(brokenNow(props.page));
    const alarms = new cloudwatch.AlarmStatusWidget({
      title: 'Alarms',
      alarms: props.alarms.all,
      width: 8,
      height: 6,
    });
    dashboard.addWidgets(fleetNow(this, sweepPeriod), alarms);
    const pingPeriod = Duration.minutes(5);
    dashboard.addWidgets(
      roundTrip(this, 'Round trip of the health check', 'health-check', sweepPeriod),
      roundTrip(this, 'Round trip of single pings', 'rpc-ping', pingPeriod),
    );
    dashboard.addWidgets(
      reasons(this, 'Unreachable by reason, each sweep', 'health-check', sweepPeriod),
      reasons(this, 'Unreachable by reason, single pings', 'rpc-ping', pingPeriod),
    );
    if (!props.page) dashboard.addWidgets(unreachableGuests(props.sweepLog));
    dashboard.addWidgets(...brokerItself(props.broker));
    const { region } = Stack.of(this);
    this.arn = dashboard.dashboardArn;
    this.url = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard.dashboardName}`;
  }
}

function brokenNow({ functionArn }: IFunction) {
  return new cloudwatch.CustomWidget({
    title: 'What is broken now',
    functionArn,
    updateOnResize: false,
    updateOnTimeRangeChange: false,
    width: 24,
    height: 10,
  });
}

function fleetNow(scope: Construct, period: Duration) {
  const names = [
    'BrokerReachable',
    'GuestsChecked',
    'GuestsReachable',
    'GuestsUnreachable',
    'GuestsUnknown',
    'GuestsAbandoned',
    'GuestsNew',
    'GuestsExpectedSilent',
    'GuestsUnencrypted',
    'OrphanedQueues',
    'ControlPlaneUnreachable',
  ];
  return new cloudwatch.SingleValueWidget({
    title: 'The fleet at the last sweep',
    metrics: names.map((label) =>
      ownMetric(scope, 'health-check', label, { statistic: cloudwatch.Stats.MAXIMUM, period, label }),
    ),
    width: 16,
    height: 6,
  });
}

function roundTrip(scope: Construct, title: string, service: Service, period: Duration) {
  const { p } = cloudwatch.Stats;
  return new cloudwatch.GraphWidget({
    title,
    left: [p(50), p(90), p(99)].map((statistic) =>
      ownMetric(scope, service, 'RoundTripTime', { statistic, period }),
    ),
    leftYAxis: { label: 'ms', showUnits: false, min: 0 },
    width: 12,
  });
}

function reasons(scope: Construct, title: string, service: Service, period: Duration) {
  return new cloudwatch.GraphWidget({
    title,
    left: [unreachableByReason(scope, service, period)],
    leftYAxis: { showUnits: false, min: 0 },
    stacked: true,
    width: 12,
  });
}

function unreachableGuests(log: ILogGroup) {
  return new cloudwatch.LogQueryWidget({
    title: 'The unreachable guests, as last seen',
    logGroupNames: [log.logGroupName],
    view: cloudwatch.LogQueryVisualizationType.TABLE,
    queryLines: [
      'fields @timestamp, instance_id, reason, waiting_messages',
      'filter message = "guest_unreachable"',
      'sort @timestamp desc',
      'dedup instance_id',
      'limit 100',
    ],
    width: 24,
  });
}

function brokerItself({ name: brokerName, maxConnections, maxQueues }: BrokerAccess) {
  const metric = (name: string) => brokerMetric(brokerName, name, { statistic: cloudwatch.Stats.MAXIMUM });
  const counted = (title: string, name: string, limit: number) =>
    new cloudwatch.GraphWidget({
      title,
      left: [metric(name)],
      leftAnnotations: [{ label: 'limit', value: limit, color: cloudwatch.Color.RED }],
      width: 6,
    });
  return [
    counted('The broker: connections', 'ConnectionCount', maxConnections),
    counted('The broker: queues', 'QueueCount', maxQueues),
    new cloudwatch.GraphWidget({
      title: 'The broker: messages',
      left: [metric('MessageReadyCount'), metric('MessageUnacknowledgedCount')],
      width: 6,
    }),
    new cloudwatch.GraphWidget({
      title: 'The broker: CPU',
      left: [metric('SystemCpuUtilization')],
      width: 6,
    }),
  ];
}
