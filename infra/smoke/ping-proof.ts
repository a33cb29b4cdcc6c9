import { REASONS, type Reason } from '../../functions/guest/reason.ts';
import type { Deployment } from './deployment.ts';
import type { HttpAnswer, PingAnswer } from './signed-ping.ts';
import { faultOf, unanswered, unexpected } from './unexpected-answer.ts';

/** What an answer shows: that all parts work, that some part cannot be proven now, or that some part fails. */
export interface Proof {
  readonly kind: 'proven' | 'unproven' | 'failed';
  /** One paragraph for a person; after a failure, with what to do first. */
  readonly text: string;
}

/** Judges the answer to a signed ping of a random instance id, which no guest has. */
export function pingProof(answer: PingAnswer, deployment: Deployment): Proof {
  if (answer.status === undefined) return failed(unanswered(answer));
  if (answer.status === 400) return byReason(answer);
  if (answer.status === 204) return failed(`204: a guest has answered. ${NO_GUEST}`);
  return failed(`${answer.status}: ${unexpected(answer, deployment)}`);
}

/** Judges the answer to the same ping without a signature; 400 means that the API answers anyone. */
export function authorizationProof({ status }: PingAnswer): Proof {
  if (status === 401 || status === 403)
    return { kind: 'proven', text: `${status} without a signature: the authorization works.` };
  if (status === 400)
    return {
      kind: 'unproven',
      text: 'The same without a signature: anyone may call the API. If you do not want this, unset anyoneMayCallTheApi.',
    };
  return {
    kind: 'unproven',
    text: `${status ?? 'no answer'} without a signature: the authorization is not proven.`,
  };
}

/** The reasons that lie with the broker and not with a guest, besides `exchange_missing`. */
const OF_THE_BROKER = /^broker_/;

function byReason({ headers, body }: HttpAnswer): Proof {
  const proxyStatus = headers.get('proxy-status') ?? '';
  const [, error, details = ''] = /guest-rpc-ping; error=(\w+); details="(\w+)"/.exec(proxyStatus) ?? [];
  if (!isReason(details))
    return failed(
      `400 without a reason known here: ${proxyStatus || body}. Compare the URL with the output Url.`,
    );
  const { means, todo } = REASONS[details];
  if (details === 'queue_missing')
    return {
      kind: 'proven',
      text:
        `${details}, as it must be for this id: gateway, function, secret, network, broker, ` +
        'permissions and exchange work.',
    };
  if (details === 'exchange_missing')
    return {
      kind: 'unproven',
      text:
        `${details}: gateway, function, secret, network, broker and login work. No guest has ` +
        `registered with this broker yet, or the name is wrong: permissions and exchange are not proven. ${todo} ` +
        'Once a guest has registered, run this again.',
    };
  if (OF_THE_BROKER.test(details))
    return failed(`${details} (${error}): ${faultOf(body).message} ${means} ${todo}`);
  return failed(`${details}: ${means} ${NO_GUEST}`);
}

/** Added where an answer came from a guest, although no guest has the id. */
const NO_GUEST =
  'But no guest can have this random id: look for a queue that takes the pings of all guests, bound to the control ' +
  'exchange by a pattern (`rabbitmqctl list_bindings`) or to its alternate exchange.';

function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

function failed(text: string): Proof {
  return { kind: 'failed', text };
}
