import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import { readCaCertificates } from '../settings/ca-certificates.ts';

const CA_FILE = 'ca-certificates.pem';

/** Where a function finds the certificates of a private CA. Node reads the file when the process starts. */
export const CA_CERTIFICATES_PATH = `/var/task/${CA_FILE}`;

/**
 * A function's code, with the certificates of a private CA beside it where there are any.
 *
 * @param caCertificates the path of a PEM file
 */
export function functionCode(bundlePath: string, caCertificates: string | undefined): AssetCode {
  if (caCertificates === undefined) return Code.fromAsset(bundlePath);
  const { pem, problem } = readCaCertificates(caCertificates);
  if (pem === undefined) throw new Error(`caCertificates ${problem}`);
  const tryBundle = (outputFolder: string) => {
    cpSync(bundlePath, outputFolder, { recursive: true });
    writeFileSync(join(outputFolder, CA_FILE), pem);
    return true; // done: no image is needed
  };
  return Code.fromAsset(bundlePath, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: { local: { tryBundle }, image: DockerImage.fromRegistry('none') },
  });
}
