import { expect, test } from '@jest/globals';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith } from './synthesis.ts';
import { EXISTING, type File, NEW } from './variants.ts';

let made: Synthesized | undefined;

async function synthesize(settings: File): Promise<void> {
  made = await stackWith(settings);
}

/** The properties of all resources of a type. */
function all(type: string) {
  return made?.resources(type) ?? [];
}

/** The threshold of the alarm on a metric. */
function threshold(metric: string): unknown {
  return all('AWS::CloudWatch::Alarm').find(({ MetricName }) => MetricName === metric)?.['Threshold'];
}

test('an existing broker is crowded at 80 %', async () => {
  await synthesize({ ...EXISTING, brokerMaxConnections: 5000, brokerMaxQueues: 2500 });
  expect([threshold('ConnectionCount'), threshold('QueueCount')]).toEqual([4000, 2000]);
});

test('only metrics that RabbitMQ 4 has', async () => {
  await synthesize(EXISTING);
  const ofAlarms = all('AWS::CloudWatch::Alarm').filter(({ Namespace }) => Namespace === 'AWS/AmazonMQ');
  expect(ofAlarms).toHaveLength(2);
  for (const { Dimensions } of ofAlarms) expect(Dimensions).toEqual([{ Name: 'Broker', Value: 'trove' }]);
  const body = JSON.stringify(all('AWS::CloudWatch::Dashboard')).replaceAll('\\', '');
  const shown = body.match(/"AWS\/AmazonMQ"[^\]]*/g) ?? [];
  expect(shown).toHaveLength(5);
  for (const metric of shown) expect(metric).toMatch(/^"AWS\/AmazonMQ","\w+","Broker","trove"(,\{|$)/);
});

test('one busy node of a cluster rings', async () => {
  await synthesize(NEW);
  const [cpu] = all('AWS::CloudWatch::Alarm').filter(
    ({ AlarmName }) => AlarmName === 'GuestRpcPing-BrokerCpu',
  );
  expect(cpu).toMatchObject({
    Threshold: 80,
    EvaluationPeriods: 3,
    Metrics: [
      expect.objectContaining({
        Expression: `SELECT MAX(SystemCpuUtilization) FROM SCHEMA("AWS/AmazonMQ", Broker, Node) WHERE Broker = 'guest-rpc-ping'`,
        Period: 300,
      }),
    ],
  });
});

test('what the dashboard shows', async () => {
  await synthesize(NEW);
  const [dashboard] = all('AWS::CloudWatch::Dashboard');
  const body = JSON.stringify(dashboard?.['DashboardBody']);
  const literal = (text: string) => JSON.stringify(JSON.stringify(text)).slice(3, -3);
  for (const shown of [
    'GuestsChecked',
    'RoundTripTime',
    'p99',
    literal('{GuestRpcPing,Reason,service} MetricName="GuestsUnreachable" service="health-check"'),
    'ConnectionCount',
    'QueueCount',
  ])
    expect(body).toContain(shown);
});

test('FleetShrank rings at the first sweep', async () => {
  await synthesize(NEW);
  const alarm = all('AWS::CloudWatch::Alarm').find(({ MetricName }) => MetricName === 'FleetShrank');
  expect(alarm).toMatchObject({
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    Threshold: 1,
    EvaluationPeriods: 1,
    Statistic: 'Maximum',
    TreatMissingData: 'notBreaching', // a new stack writes no such metric
  });
});

test("no topics, no control plane's alarm", async () => {
  await synthesize({ ...NEW, controlPlaneTopics: '' });
  expect(made?.function('health-check').environment).toMatchObject({ CONTROL_PLANE_TOPICS: '' });
  expect(all('AWS::CloudWatch::Alarm').map(({ MetricName }) => MetricName)).not.toContain(
    'ControlPlaneUnreachable',
  );
});
