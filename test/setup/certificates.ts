import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureDebianPackages, isCommand } from '../../infra/local/parts/debian-packages.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import type { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';

export type Certificate = 'good' | 'other-host' | 'expired' | 'weak';

/** Makes a CA and four certificates of it: for localhost, for another host, expired, and with an RSA key of 1024 bits. */
export async function makeCertificates(folder: string): Promise<void> {
  if (!isCommand('openssl') && !ensureDebianPackages('openssl')) throw new Error('These tests need openssl');
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  const issue = async (name: Certificate, host: string, days: string, key = newKey) => {
    const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, ...subject);
    const ca = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy'];
    await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...ca, '-days', days);
  };
  await issue('good', 'localhost', '2');
  await issue('other-host', 'broker.example', '2');
  await issue('expired', 'localhost', '-1');
  await issue('weak', 'localhost', '2', ['-newkey', 'rsa:1024', '-nodes']);
}

/** Lines of rabbitmq.conf for a certificate. As on Amazon MQ, the server asks the client for none. */
export function sslOptions(folder: string, name: Certificate): string[] {
  return [
    `ssl_options.certfile = ${join(folder, `${name}.pem`)}`,
    `ssl_options.keyfile = ${join(folder, `${name}.key`)}`,
    'ssl_options.verify = verify_none',
    'ssl_options.versions.1 = tlsv1.2',
  ];
}

/** Has a running broker listen with a certificate. @returns the port */
export async function listenWithTls(
  rabbit: Pick<RabbitMqServer, 'eval'>,
  folder: string,
  name: Certificate,
): Promise<number> {
  const port = await freePort();
  const file = (extension: string) => `"${join(folder, `${name}.${extension}`)}"`;
  const options = `[{certfile,${file('pem')}},{keyfile,${file('key')}},{verify,verify_none},{versions,['tlsv1.2']}]`;
  await rabbit.eval(
    `ok = rabbit_networking:start_ssl_listener({"127.0.0.1",${port},inet}, ${options}, 1, 5)`,
  );
  return port;
}
