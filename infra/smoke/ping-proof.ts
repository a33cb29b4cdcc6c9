import { REASONS, type Reason } from '../../functions/guest/reason.ts';
import type { HttpAnswer } from '../../functions/http-client.ts';
import { parseJsonObject } from '../../functions/json.ts';
import { sentence } from '../terminal/aws-error.ts';
import { type Finding, good, open, todo } from '../terminal/finding.ts';
import type { Deployment } from './deployment.ts';
import type { PingAnswer } from './signed-ping.ts';

/** A header that each answer of the function has. */
const REQUEST_ID = 'x-openstack-request-id';

/** Judges the answer to a signed ping of a random instance id, which no guest has. */
export function pingProof(answer: PingAnswer, deployment: Deployment): Finding {
  if (answer.status === undefined) return todo(answer.problem);
  if (answer.status === 400) return byReason(answer);
  const isOurs = REQUEST_ID in answer.headers;
  if (answer.status === 204 && isOurs) return todo(`204: a guest has answered. ${NO_GUEST}`);
  return todo(`${answer.status}: ${unexpected(answer, deployment)}`);
}

/** Judges the answer to the same ping without a signature; 400 means that the API answers anyone. */
export function authorizationProof({ status }: PingAnswer): Finding {
  if (status === 401 || status === 403)
    return good(`${status} without a signature: the authorization works.`);
  return open(
    status === 400
      ? 'The same without a signature: anyone may call the API. If you do not want this, unset anyoneMayCallTheApi.'
      : `${status ?? 'no answer'} without a signature: the authorization is not proven.`,
  );
}

function byReason({ headers, text }: HttpAnswer): Finding {
  const proxyStatus = String(headers['proxy-status'] ?? '');
  const [, error, reason = ''] = /guest-rpc-ping; error=(\w+); details="(\w+)"/.exec(proxyStatus) ?? [];
  if (!isReason(reason))
    return todo(
      `400 without a reason known here: ${proxyStatus || text}. Compare the URL with the output Url.`,
    );
  const { means, todo: first } = REASONS[reason];
  if (reason === 'queue_missing')
    return good(
      `${reason}, as it must be for this id: gateway, function, secret, network, broker, permissions and exchange work.`,
    );
  if (reason === 'exchange_missing')
    return open(
      `${reason}: gateway, function, secret, network, broker and login work. No guest has registered with this ` +
        `broker yet, or the name is wrong: permissions and exchange are not proven. ${first} ` +
        'Once a guest has registered, run this again.',
    );
  if (reason.startsWith('broker_'))
    return todo(`${reason} (${error}): ${faultOf(text).message} ${means} ${first}`);
  return todo(`${reason}: ${means} ${NO_GUEST}`);
}

/** Added where an answer came from a guest, although no guest has the id. */
const NO_GUEST =
  'But no guest can have this random id: look for a queue that takes the pings of all guests, bound to the control ' +
  'exchange by a pattern (`rabbitmqctl list_bindings`) or to its alternate exchange, or for a control exchange that is ' +
  'of another type than topic (`rabbitmqctl list_exchanges`).';

function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

/** What a status other than 204 and 400 means, and what to do first. */
function unexpected({ status, headers, text }: HttpAnswer, { apiArn, pingLog }: Deployment): string {
  const { kind, message } = faultOf(text);
  const log = `\`aws logs tail ${pingLog ?? '"$RPC_PING_LOG"'} --since 10m\``;
  switch (status) {
    case 401:
      return `Keystone does not let this caller in: ${message} Export OS_TOKEN (\`openstack token issue\`).`;
    case 403:
      if (kind === 'forbidden')
        return `the token is of another project: ${message} Export OS_PROJECT_ID, that of OS_TOKEN (\`openstack token issue\`).`;
      return (
        `API Gateway refuses the signature: ${message} ${clockHint(headers.date)}The caller (\`aws sts ` +
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
      if (kind === 'serviceUnavailable') return `the function could not answer: ${message} See ${log}.`;
      return `the function did not answer in time, or had reached its reserved concurrency: ${message} See ${log}.`;
    default:
      return `no answer of this API: ${headers.location ? `a redirect to ${headers.location}.` : message} Compare the URL with the output Url.`;
  }
}

/** The difference between clocks that SigV4 allows: five minutes. */
const MAX_CLOCK_DIFFERENCE_MS = 300_000;

function clockHint(date = ''): string {
  const differenceMs = Date.now() - Date.parse(date);
  if (!(Math.abs(differenceMs) > MAX_CLOCK_DIFFERENCE_MS)) return '';
  const minutes = Math.round(Math.abs(differenceMs) / 60_000);
  return `The clock of this machine is ${minutes} minutes ${differenceMs > 0 ? 'fast' : 'slow'}: set it. `;
}

/**
 * Parses a fault as OpenStack writes it (`kind` is the fault's name), or a message of API Gateway's own. `message` ends
 * with a full stop.
 */
function faultOf(body: string): { readonly kind?: string; readonly message: string } {
  const parsed = parseJsonObject(body) ?? {};
  const [[kind, fault] = ['', undefined]] = Object.entries(parsed);
  const { message } = Object(fault);
  if (typeof message === 'string') return { kind, message: sentence(message) };
  return { message: sentence(String(parsed['message'] ?? (body.slice(0, 200) || 'it is empty'))) };
}
