import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { AwsStandIn } from '../setup/aws-stand-in.ts';

const SECRET = { body: { SecretString: JSON.stringify({ username: 'guest', password: 'guest' }) } };

/** How long a VPC endpoint of Secrets Manager takes for an answer, in milliseconds. */
export const ANSWER_MS = 15;

/** A stand-in of Secrets Manager that answers at once with the broker's credentials. */
export function secretsManagerNearby(): Promise<AwsStandIn> {
  return AwsStandIn.start(() => SECRET);
}

/**
 * The same as on AWS: over TLS, and after {@link ANSWER_MS}.
 *
 * @param certificates a folder that `makeCertificates` has filled
 */
export function secretsManagerFarAway(certificates: TemporaryFolder): Promise<AwsStandIn> {
  const [key, cert] = ['good.key', 'good.pem'].map((name) => readFileSync(certificates.file(name)));
  return AwsStandIn.start(() => setTimeout(ANSWER_MS, SECRET), { key, cert });
}
