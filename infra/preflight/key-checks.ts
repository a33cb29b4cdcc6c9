import { parseJsonObject } from '../../functions/json.ts';
import { type Finding, open, unless } from '../terminal/finding.ts';
import type { AwsAccount } from './aws-account.ts';

/** What a key is used for, by the setting that names it: the actions, and the services that use it themselves. */
const USES = {
  brokerKmsKeyArn: { actions: ['CreateGrant', 'DescribeKey'], services: [] },
  secretsKmsKeyArn: { actions: ['Decrypt'], services: [] },
  kmsKeyArn: { actions: ['Decrypt', 'GenerateDataKey'], services: ['logs.REGION', 'cloudwatch', 'events'] },
} as const;

/** Whether a key is there and enabled, and whether its policy lets those use it who have to. */
export async function checkKey(
  { kms, id, region }: AwsAccount,
  setting: keyof typeof USES,
  arn: string,
): Promise<Finding> {
  const { actions, services } = USES[setting];
  const key = { KeyId: arn };
  const [, partition = '', , , owner] = arn.split(':');
  const described = kms.describeKey(key);
  if (owner !== id) {
    await described;
    return open(`it is of the account ${owner}: its policy must let the account ${id} use it.`);
  }
  const policy = kms.getKeyPolicy({ ...key, PolicyName: 'default' });
  const [{ KeyMetadata: found }, { Policy: text = '' }] = await Promise.all([described, policy]);
  const statements = [parseJsonObject(text)?.['Statement']].flat().map(Object);
  const root = `arn:${partition}:iam::${id}:root`;
  const without = (principals: readonly string[]) =>
    actions.filter((action) => !statements.some((one) => allows(one, `kms:${action}`, principals)));
  const users = services.map((service) => `${service.replace('REGION', region)}.amazonaws.com`);
  return unless(
    [
      found?.KeyState !== 'Enabled' && `its state is ${found?.KeyState}: enable it, or set another one`,
      found?.KeySpec !== 'SYMMETRIC_DEFAULT' && `it is ${found?.KeySpec}: set one for encryption, symmetric`,
      ...[[root, id], ...users.map((user) => [user])].map(
        (principals) =>
          without(principals).length > 0 &&
          `its policy must allow ${without(principals)
            .map((action) => `kms:${action}`)
            .join(', ')} to ${principals[0]}`,
      ),
    ],
    'enabled, and its policy lets those use it who have to',
  );
}

/** Whether a statement of a policy allows an action to one of these, its conditions aside. */
function allows(statement: Record<string, unknown>, action: string, principals: readonly string[]): boolean {
  const { Effect: effect, Principal: given, Action: actions } = statement;
  const named = typeof given === 'object' ? Object.values(Object(given)).flat() : [given];
  const isMeant = named.some((one) => one === '*' || principals.includes(String(one)));
  const patterns = [actions].flat().map((pattern) => String(pattern).replaceAll('*', '.*'));
  return effect === 'Allow' && isMeant && patterns.some((one) => new RegExp(`^${one}$`, 'i').test(action));
}
