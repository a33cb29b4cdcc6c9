import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Alarms } from './alarms.ts';
import { brokerMetric, ownMetric, unreachableByReason, type Watched } from './metrics.ts';

export interface DashboardProps extends Watched {
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
    const sweepPeriod = Duration.minutes(props.rateMinutes);
    const dashboard = new cloudwatch.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    if (props.page) dashboard.addWidgets(brokenNow(props.page));
    const alarms = new cloudwatch.AlarmStatusWidget({
      title: 'Alarms',
      alarms: props.alarms.all,
      width: 8,
      height: 6,
    });
    dashboard.addWidgets(fleetNow(this, sweepPeriod), alarms);
    dashboard.addWidgets(
      roundTrip('Round trip of the health check', (statistic) =>
        ownMetric(this, 'health-check', 'RoundTripTime', { statistic, period: sweepPeriod }),
      ),
      roundTrip('Round trip of single pings', (statistic) =>
        ownMetric(this, 'rpc-ping', 'RoundTripTime', { statistic }),
      ),
    );
    dashboard.addWidgets(
      reasons('Unreachable by reason, each sweep', unreachableByReason(this, 'health-check', sweepPeriod)),
      reasons(
        'Unreachable by reason, single pings',
        unreachableByReason(this, 'rpc-ping', Duration.minutes(5)),
      ),
    );
    if (!props.page) dashboard.addWidgets(unreachableGuests(props.sweepLog));
    dashboard.addWidgets(...brokerItself(props));
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

function roundTrip(title: string, metric: (statistic: string) => cloudwatch.IMetric) {
  return new cloudwatch.GraphWidget({
    title,
    left: [cloudwatch.Stats.p(50), cloudwatch.Stats.p(90), cloudwatch.Stats.p(99)].map(metric),
    leftYAxis: { label: 'ms', showUnits: false, min: 0 },
    width: 12,
  });
}

function reasons(title: string, metric: cloudwatch.IMetric) {
  return new cloudwatch.GraphWidget({
    title,
    left: [metric],
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

function brokerItself({ brokerName, maxConnections, maxQueues }: Watched) {
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
