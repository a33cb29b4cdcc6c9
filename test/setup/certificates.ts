import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureDebianPackages, isCommand } from '../../infra/local/parts/debian-packages.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import type { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';

export type Certificate = 'good' | 'other-host' | 'expired' | 'weak';

/** For whom each certificate is, how long, in days, and with what key. */
const CERTIFICATES: Readonly<Record<Certificate, readonly [host: string, days: string, key?: string]>> = {
  good: ['localhost', '2'],
  'other-host': ['broker.example', '2'],
  expired: ['localhost', '-1'],
  weak: ['localhost', '2', 'rsa:1024'],
};

/** Makes a CA, and some of its certificates. */
export async function makeCertificates(folder: string, ...names: readonly Certificate[]): Promise<void> {
  if (!isCommand('openssl') && !ensureDebianPackages('openssl')) throw new Error('These tests need openssl');
  const openssl = (command: string) => promisify(execFile)('openssl', command.split(' '), { cwd: folder });
  const newKey = (key = 'ec -pkeyopt ec_paramgen_curve:prime256v1') => `-newkey ${key} -nodes`;
  await openssl(`req -x509 ${newKey()} -keyout ca.key -out ca.pem -days 2 -subj /CN=TestCA`);
  const ca = '-CA ca.pem -CAkey ca.key -copy_extensions copy';
  const issue = async (name: Certificate, serial: number) => {
    const [host, days, key] = CERTIFICATES[name];
    const subject = `-subj /CN=${host} -addext subjectAltName=DNS:${host}`;
    await openssl(`req ${newKey(key)} -keyout ${name}.key -out ${name}.csr ${subject}`);
    await openssl(`x509 -req -in ${name}.csr -out ${name}.pem ${ca} -set_serial ${serial} -days ${days}`);
  };
  await Promise.all(names.map((name, index) => issue(name, index + 1)));
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

/** Has a running broker listen with a certificate. @param more of the listener's options, in Erlang @returns the port */
export async function listenWithTls(
  rabbit: Pick<RabbitMqServer, 'eval'>,
  folder: string,
  name: Certificate,
  more = "{verify,verify_none},{versions,['tlsv1.2']}",
): Promise<number> {
  const port = await freePort();
  const file = (extension: string) => `"${join(folder, `${name}.${extension}`)}"`;
  const options = `[{certfile,${file('pem')}},{keyfile,${file('key')}},${more}]`;
  await rabbit.eval(
    `ok = rabbit_networking:start_ssl_listener({"127.0.0.1",${port},inet}, ${options}, 1, 5)`,
  );
  return port;
}
