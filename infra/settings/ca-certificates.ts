import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InvalidSetting } from './cdk-context.ts';

/**
 * Reads the certificates of a private CA.
 *
 * @returns the certificates alone, in PEM, without what stands between them
 * @throws InvalidSetting
 */
export function readCaCertificates(path: string): string {
  const text = readText(path);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (text.includes('PRIVATE KEY'))
    throw new InvalidSetting(`caCertificates: ${path} has a private key in it.`);
  if (blocks.length === 0 || !blocks.every(isCertificate))
    throw new InvalidSetting(`caCertificates: ${path} is not a PEM file of certificates.`);
  return `${blocks.join('\n')}\n`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidSetting(`caCertificates: ${path} cannot be read: ${Object(error).code}.`);
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
