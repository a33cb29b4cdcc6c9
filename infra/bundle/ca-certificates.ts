import { X509Certificate } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import { InvalidSetting } from '../settings/cdk-context.ts';

const FILE = 'ca-certificates.pem';

/** Where the function finds the certificates; Node reads the file when the process starts. */
export const CA_CERTIFICATES_PATH = `/var/task/${FILE}`;

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

/** A function's code with these certificates beside it. */
export function codeWithCaCertificates(codePath: string, pem: string): AssetCode {
  const tryBundle = (outputFolder: string) => {
    cpSync(codePath, outputFolder, { recursive: true });
    writeFileSync(join(outputFolder, FILE), pem);
    return true; // done: no image is needed
  };
  return Code.fromAsset(codePath, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: { local: { tryBundle }, image: DockerImage.fromRegistry('none') },
  });
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
