import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The certificates of a private CA, in PEM, without what stands between them in the file; or what is wrong with the file. */
export function readCaCertificates(path: string): { readonly pem?: string; readonly problem?: string } {
  try {
    const text = readFileSync(path, 'utf8');
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (text.includes('PRIVATE KEY')) return { problem: `names ${path}, which has a private key in it` };
    for (const pem of blocks) new X509Certificate(pem);
    if (blocks.length > 0) return { pem: `${blocks.join('\n')}\n` };
  } catch (error) {
    const { code, syscall } = Object(error);
    if (syscall !== undefined) return { problem: `names ${path}, which cannot be read: ${code}` };
  }
  return { problem: `names ${path}, which is not a PEM file of certificates` };
}
