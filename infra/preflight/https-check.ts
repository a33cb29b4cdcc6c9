import { rootCertificates } from 'node:tls';
import { send, troubleOf } from '../../functions/http-client.ts';
import { readCaCertificates } from '../settings/ca-certificates.ts';
import { type Finding, good, open, todo } from '../terminal/finding.ts';

const TIMEOUT_MS = 5_000;

/** How Node's errors about a certificate begin. */
const CERTIFICATE = /^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_SSL)/;

/**
 * Whether an API of OpenStack answers at this URL, with a certificate that the functions accept. The functions reach it from
 * their VPC; what cannot be reached from here may be reached from there.
 *
 * @param caCertificates the path of a PEM file
 */
export async function checkHttps(url: string, caCertificates: string | undefined): Promise<Finding> {
  const { pem } = caCertificates === undefined ? {} : readCaCertificates(caCertificates);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const ca = pem === undefined ? {} : { ca: [...rootCertificates, pem] };
  try {
    const { status } = await send(new URL(url), { ...ca, signal });
    return good(`${url} answers (${status}), with a good certificate.`);
  } catch (error) {
    const { code = '', message } = Object(error);
    if (CERTIFICATE.test(code))
      return todo(
        `the certificate of ${url} is refused (${code}: ${message}). Set caCertificates to the CA's PEM file, or the URL to the certificate's name.`,
      );
    return open(
      `${url} ${troubleOf(Object(error), signal)} from here. The functions reach it from their VPC: its name must resolve there, and a route must lead to it.`,
    );
  }
}
