import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith } from './synthesis.ts';
import { EXISTING, NEW } from './variants.ts';

let stack: Synthesized;

/** The dashboard's body; names of resources stand in it as they are in the template. */
function dashboard(): string {
  const [{ DashboardBody: body } = {}] = stack.resources('AWS::CloudWatch::Dashboard');
  return JSON.stringify(body).replaceAll('\\', '');
}

function functions() {
  return stack.resources('AWS::Lambda::Function');
}

describe('where the state is kept', () => {
  beforeAll(async () => {
    stack = await stackWith(NEW);
  });

  test.each<[id: string, objects: string[]]>([
    ['FleetPage', ['/fleet-state.json', '/history/????-??.jsonl']],
    ['Fleet', ['/fleet-state.json']],
  ])("%s's function may read the state and write its log, and has no other permission", (id, objects) => {
    const [policy] = stack
      .resources('AWS::IAM::Policy')
      .filter(({ PolicyName: name }) => String(name).startsWith(`${id}Role`));
    const { Statement: statements } = Object(policy?.['PolicyDocument']);
    const bucket = { 'Fn::GetAtt': [expect.stringMatching(/^StateBucket/), 'Arn'] };
    const log = { 'Fn::GetAtt': [expect.stringMatching(`^${id}Log`), 'Arn'] };
    const allow = (Action: unknown, Resource: unknown) => ({ Effect: 'Allow', Action, Resource });
    const arns = objects.map((path) => ({ 'Fn::Join': ['', [bucket, path]] }));
    expect(statements).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], log),
      allow('s3:GetObject', objects.length > 1 ? arns : arns[0]),
      allow('s3:ListBucket', bucket), // else S3 would call a missing object forbidden
      allow(['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], '*'),
    ]);
  });

  test.each([
    ['fleet-page', { MemorySize: 512, Timeout: 10 }],
    ['fleet', { MemorySize: 1024, Timeout: 20 }],
  ])('%s is in no VPC, and reads the object that the health check writes', (entry, size) => {
    const found = functions().find(({ FunctionName: name }) => name === `GuestRpcPing-${entry}`);
    expect(found).toMatchObject({ ReservedConcurrentExecutions: 2, ...size });
    expect(found).not.toHaveProperty('VpcConfig');
    const { FLEET_STATE_URL: url } = stack.function('health-check').environment;
    expect(stack.function(entry).environment).toEqual({
      FLEET_STATE_URL: url,
      HEALTH_CHECK_RATE_MINUTES: '5',
    });
  });

  test("nobody is given the permission to invoke the page's function: the dashboard has its viewer's", () => {
    for (const { FunctionName: invoked } of stack.resources('AWS::Lambda::Permission'))
      expect(JSON.stringify(invoked)).not.toContain('FleetPage');
  });

  test('the dashboard begins with the page, which takes the place of the query', () => {
    expect(dashboard()).toMatch(
      /"widgets":\[\{"type":"custom","width":24,[^}]*"endpoint":"",\{"Fn::GetAtt":\["FleetPageFunction\w+","Arn"\]\}/,
    );
    expect(dashboard()).not.toContain('guest_unreachable');
  });
});

test('where no state is kept, there is no page, and the dashboard has the query', async () => {
  stack = await stackWith(EXISTING);
  expect(functions().map(({ FunctionName: name }) => name)).toEqual([
    'GuestRpcPing-rpc-ping',
    'GuestRpcPing-health-check',
  ]);
  expect(dashboard()).not.toContain('"custom"');
  for (const shown of ['filter message = ', 'guest_unreachable', 'dedup instance_id', 'HealthCheckLog'])
    expect(dashboard()).toContain(shown);
});
