import { expect, test } from '@jest/globals';
import { embedded, NAMESPACE } from '../../functions/telemetry/embedded-metrics.ts';

test('metrics are fields of a log line, which defines each with its unit for CloudWatch', () => {
  const line = embedded({ GuestsUnreachable: 2, RoundTripTime: [1.5, 2] }, [
    ['service'],
    ['service', 'Reason'],
  ]);
  expect(line).toEqual({
    _aws: {
      Timestamp: expect.any(Number),
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [['service'], ['service', 'Reason']],
          Metrics: [
            { Name: 'GuestsUnreachable', Unit: 'Count' },
            { Name: 'RoundTripTime', Unit: 'Milliseconds' },
          ],
        },
      ],
    },
    GuestsUnreachable: 2,
    RoundTripTime: [1.5, 2],
  });
});
