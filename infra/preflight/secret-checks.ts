import { INSTANCE_ID } from '../../functions/guest/topic.ts';
import { parseJsonObject } from '../../functions/json.ts';
import { type Finding, unless } from '../terminal/finding.ts';
import type { AwsAccount } from './aws-account.ts';

/**
 * Whether a secret can be read, is JSON with these texts, and is encrypted by a key that the functions may use.
 *
 * @param keyArn the setting `secretsKmsKeyArn`
 */
export async function checkSecret(
  { secretsManager }: AwsAccount,
  arn: string,
  fields: readonly string[],
  keyArn: string | undefined,
): Promise<Finding> {
  const id = { SecretId: arn };
  const [{ SecretString: text = '' }, { KmsKeyId: key }] = await Promise.all([
    secretsManager.getSecretValue(id),
    secretsManager.describeSecret(id),
  ]);
  const secret = parseJsonObject(text);
  const isFit = fields.every((field) => typeof secret?.[field] === 'string' && secret[field] !== '');
  const isOwnKey = key !== undefined && !key.endsWith('alias/aws/secretsmanager');
  return unless(
    [
      !isFit && `its value must be {${fields.map((field) => `"${field}": "…"`).join(', ')}}`,
      isOwnKey &&
        keyArn === undefined &&
        `the key ${key} encrypts it: set secretsKmsKeyArn to the ARN of this key`,
    ],
    `has ${fields.join(' and ')}`,
  );
}

export async function checkGuestKeys({ secretsManager }: AwsAccount, prefix: string): Promise<Finding> {
  const { SecretList: list = [], NextToken: more } = await secretsManager.listSecrets({
    Filters: [{ Key: 'name', Values: [prefix] }],
    MaxResults: 100,
  });
  const names = list.flatMap(({ Name: name }) => (name?.startsWith(prefix) ? name.slice(prefix.length) : []));
  const odd = names.filter((name) => !INSTANCE_ID.test(name));
  const count = `${names.length}${more === undefined ? '' : ' or more'}`;
  return unless(
    [
      names.length === 0 &&
        `no secret's name begins with ${prefix}: keep each guest's key in ${prefix}<instance_id>`,
      odd.length > 0 && `${prefix}${odd[0]} is no guest's: its name must end with an instance's id`,
    ],
    `${count} of a guest`,
  );
}
