import { beforeAll, expect, test } from '@jest/globals';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith } from './synthesis.ts';
import { EXISTING } from './variants.ts';

// Two stacks of one account and region, one for each of two brokers.

const OWN = /^AWS\//;
let first: Synthesized;
let second: Synthesized;

beforeAll(async () => {
  first = await stackWith(EXISTING);
  second = await stackWith({ ...EXISTING, brokerName: 'trove-two' }, 'GuestRpcPing-two');
});

/** The values of a property that a stack's resources have as text; a reference is to the stack's own resource. */
function texts(stack: Synthesized, type: string, property: string): string[] {
  return stack.resources(type).flatMap((properties) => {
    const value = Object(properties)[property];
    return typeof value === 'string' ? [value] : [];
  });
}

test.each([
  ['AWS::Lambda::Function', 'FunctionName'],
  ['AWS::CloudWatch::Alarm', 'AlarmName'],
  ['AWS::CloudWatch::Dashboard', 'DashboardName'],
  ['AWS::SNS::Topic', 'TopicName'],
  ['AWS::Logs::LogGroup', 'LogGroupName'],
  ['AWS::Scheduler::Schedule', 'Name'],
  ['AWS::IAM::Role', 'RoleName'],
  ['AWS::ApiGatewayV2::Api', 'Name'],
])('two stacks have no %s with the same %s', (type, property) => {
  const names = [...texts(first, type, property), ...texts(second, type, property)];
  expect(new Set(names).size).toBe(names.length);
});

test("the functions of each stack write their metrics into a namespace that is the stack's name", () => {
  for (const name of ['rpc-ping', 'health-check']) {
    expect(first.function(name).environment['METRICS_NAMESPACE']).toBe('GuestRpcPing');
    expect(second.function(name).environment['METRICS_NAMESPACE']).toBe('GuestRpcPing-two');
  }
});

test('the alarms and the dashboard of a stack look at the metrics of that stack alone', () => {
  const namespaces = (stack: Synthesized) =>
    new Set(texts(stack, 'AWS::CloudWatch::Alarm', 'Namespace').filter((name) => !OWN.test(name)));
  expect([...namespaces(first)]).toEqual(['GuestRpcPing']);
  expect([...namespaces(second)]).toEqual(['GuestRpcPing-two']);
  const [dashboard] = second.resources('AWS::CloudWatch::Dashboard');
  const body = JSON.stringify(dashboard?.['DashboardBody']);
  expect(body).toContain('GuestRpcPing-two');
  expect(body.replaceAll('GuestRpcPing-two', '')).not.toContain('GuestRpcPing');
  expect(body).not.toMatch(/trove(?!-two)/);
});
