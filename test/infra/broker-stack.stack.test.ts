import { readFileSync } from 'node:fs';
import { fullDiff, ResourceImpact } from '@aws-cdk/cloudformation-diff';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Stage } from 'aws-cdk-lib';
import { stackWith } from './synthesis.ts';
import { type File, KEY, NEW } from './variants.ts';

/** The template of the broker's stack of a deployment. */
async function brokerStack(settings: File, name?: string) {
  const { stack } = await stackWith(settings, name);
  const [broker] = stack === undefined ? [] : (Stage.of(stack)?.synth().stacks ?? []);
  if (broker === undefined) throw new Error('Not synthesized');
  return broker;
}

const LOST: readonly unknown[] = [
  ResourceImpact.WILL_REPLACE,
  ResourceImpact.WILL_DESTROY,
  ResourceImpact.WILL_ORPHAN,
];

/** The types of what CloudFormation would replace or delete. */
function lost(before: object, after: object): string[] {
  const types: string[] = [];
  fullDiff(before, after).resources.forEachDifference((_, change) => {
    if (LOST.includes(change.changeImpact)) types.push(String(change.resourceType));
  });
  return types;
}

interface Template {
  readonly Parameters: { readonly BrokerMadeWith: { readonly Default: string } };
  readonly Rules: { readonly BrokerMadeWithHold: { readonly Assertions: readonly { Assert: unknown }[] } };
}

/** Whether CloudFormation refuses to update the first stack, whose parameter keeps its value, by this template. */
function isRefused({ Rules: { BrokerMadeWithHold: rule } }: Template): boolean {
  const [{ Assert: asserted } = { Assert: undefined }] = rule.Assertions;
  const [reference, wanted] = Object(asserted)['Fn::Equals'];
  expect(reference).toEqual({ Ref: 'BrokerMadeWith' });
  return wanted !== before.Parameters.BrokerMadeWith.Default;
}

let before: Template;
beforeAll(async () => {
  before = (await brokerStack(NEW)).template;
});

test("the broker's stack cannot be deleted by mistake, and leaves all there is, unless its first deployment fails", async () => {
  const { manifest, template } = await brokerStack(NEW);
  expect(manifest.properties).toMatchObject({ terminationProtection: true });
  for (const { DeletionPolicy, UpdateReplacePolicy } of Object.values(template.Resources).map(Object))
    expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
});

describe('what the file beside the settings holds', () => {
  test.each<File>([
    { newBroker: 'cluster' },
    { brokerName: 'another' },
    { brokerKmsKeyArn: KEY },
    { vpcCidr: '10.1.0.0/24' },
    { availabilityZones: ['eu-central-1a', 'eu-central-1c'] },
  ])('a change to %j would replace the broker, or what the broker stands on', async (change) => {
    const { template } = await brokerStack({ ...NEW, ...change });
    expect(lost(before, template)).toContain(
      'availabilityZones' in change ? 'AWS::EC2::Subnet' : 'AWS::AmazonMQ::Broker',
    );
    expect(isRefused(template)).toBe(true);
  });

  test.each<File>([
    { brokerInstanceType: 'mq.m7g.large' },
    { brokerMaxConnections: 200, brokerMaxQueues: 600, brokerMaxMessageBytes: 2 ** 20 },
    { maintenanceWindow: 'SUNDAY 03:30' },
    { describeBroker: true, brokerVhost: 'trove' },
  ])('a change to %j leaves all in place', async (change) => {
    const { template } = await brokerStack({ ...NEW, ...change });
    expect([lost(before, template), isRefused(template)]).toEqual([[], false]);
  });

  test('an upgrade of the broker replaces its configuration, which belongs to a version', async () => {
    const { template } = await brokerStack({ ...NEW, brokerVersion: '4.3' });
    expect(lost(before, template)).toEqual(['AWS::AmazonMQ::Configuration']);
  });
});

test("a stack of broker and functions in one piece becomes the broker's stack with all of the broker in place", async () => {
  const onePiece = JSON.parse(readFileSync(new URL('one-piece.json', import.meta.url), 'utf8'));
  const now = {
    newBroker: 'cluster',
    brokerName: 'trove',
    vpcCidr: '10.8.0.0/24',
    brokerStack: 'GuestRpcPing',
  };
  const { stackName, template } = await brokerStack(now, 'trove');
  expect(stackName).toBe('GuestRpcPing');
  expect(Object.keys(template.Resources).sort()).toEqual(Object.keys(onePiece.Resources).sort());
  expect(lost(onePiece, template)).toEqual([]);
});
