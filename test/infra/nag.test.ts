import { describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks } from 'cdk-nag';
import { bundleAll } from '../../infra/bundle/bundle.ts';
import { GuestRpcPingStack } from '../../infra/guest-rpc-ping-stack.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import { VARIANTS } from './variants.ts';

describe('cdk-nag', () => {
  const everything = { guestKeySecretPrefix: 'trove/', anyoneMayCallTheApi: 'true', describeBroker: 'true' };

  async function stack(settings: Readonly<Record<string, string>>): Promise<GuestRpcPingStack> {
    return new GuestRpcPingStack(new App(), 'GuestRpcPing', readSettings(settings), await bundleAll());
  }

  test.each([
    ...Object.entries(VARIANTS),
    ['guest keys, an open API and a described broker', everything] as const,
  ])('cdk-nag’s AwsSolutions find nothing in a stack with %s', async (_what, settings) => {
    expect(new AwsSolutionsChecks().validateScope(await stack(settings)).violations).toEqual([]);
  });

  test('cdk-nag’s AwsSolutions find a secret that is never rotated', async () => {
    const loosened = await stack({});
    new Secret(loosened, 'NeverRotated');
    const { violations } = new AwsSolutionsChecks().validateScope(loosened);
    expect(violations.map(({ ruleName }) => ruleName)).toEqual(['AwsSolutions-SMG4']);
  });
});
