import { hintFor, sentence } from './aws-error.ts';
import type { Deployment } from './deployment.ts';
import type { HttpAnswer, NoAnswer } from './signed-ping.ts';

/** Why no HTTP answer came, and what to do first. */
export function unanswered({ code, message }: NoAnswer): string {
  return `no answer: ${code}: ${sentence(message)} ${hintFor(code)}`;
}

/** What a status other than 204 and 400 means, and what to do first. */
export function unexpected({ status, headers, body }: HttpAnswer, { apiArn, pingLog }: Deployment): string {
  const { kind, message } = faultOf(body);
  const log = `\`aws logs tail ${pingLog ?? '"$RPC_PING_LOG"'} --since 10m\``;
  switch (status) {
    case 401:
      return `Keystone does not let this caller in: ${message} Export OS_TOKEN (\`openstack token issue\`).`;
    case 403:
      return (
        `API Gateway refuses the signature: ${message} ${clockHint(headers)}The caller (\`aws sts ` +
        `get-caller-identity\`) needs execute-api:Invoke on ${apiArn ?? 'the output ApiArn'}, its secret key must ` +
        "be right, and AWS_REGION the API's."
      );
    case 404:
      return `there is no such API here: ${message} Compare the URL with the output Url, and add no path to it.`;
    case 429:
      return 'API Gateway takes no more requests just now: others ping (setting pingConcurrency). Try again.';
    case 500:
      return kind === 'instanceFault'
        ? `the function failed: ${message} Correct the setting or the secret, and deploy. See ${log}.`
        : `the function ended without an answer, or API Gateway may not invoke it: ${message} See ${log}.`;
    case 503:
    case 504:
      return `the function did not answer in time, or had reached its reserved concurrency: ${message} See ${log}.`;
    default:
      return `no answer of this API: ${message} Compare the URL with the output Url.`;
  }
}

/** The difference between clocks that SigV4 allows: five minutes. */
const MAX_CLOCK_DIFFERENCE_MS = 300_000;

function clockHint(headers: Headers): string {
  const differenceMs = Date.now() - Date.parse(headers.get('date') ?? '');
  if (!(Math.abs(differenceMs) > MAX_CLOCK_DIFFERENCE_MS)) return '';
  const minutes = Math.round(Math.abs(differenceMs) / 60_000);
  return `The clock of this machine is ${minutes} minutes ${differenceMs > 0 ? 'fast' : 'slow'}: set it. `;
}

/**
 * Parses a fault as OpenStack writes it (`kind` is the fault's name), or a message of API Gateway's own. `message` ends
 * with a full stop.
 */
export function faultOf(body: string): { readonly kind?: string; readonly message: string } {
  const parsed = objectOf(body);
  const { message } = parsed;
  if (typeof message === 'string') return { message: sentence(message) };
  const [kind, fault] = Object.entries(parsed)[0] ?? [];
  const { message: inner } = Object(fault);
  return kind !== undefined && typeof inner === 'string'
    ? { kind, message: sentence(inner) }
    : { message: sentence(body.slice(0, 200)) };
}

function objectOf(json: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(json));
  } catch {
    return {};
  }
}
