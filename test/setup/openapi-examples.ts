import { BrokerBlocked, BrokerRefused, BrokerUnreachable } from '../../functions/broker/errors.ts';
import { readPong, reasonFor } from '../../functions/guest/diagnosis.ts';
import type { PingResult } from '../../functions/guest/ping-result.ts';
import { REASONS, type Reason } from '../../functions/guest/reason.ts';
import { NoConsumer } from '../../functions/guest/silence.ts';
import { topicOf } from '../../functions/guest/topic.ts';
import {
  type Fault,
  guestFault,
  instanceFault,
  instanceNotFound,
  routeNotFound,
} from '../../functions/http/fault.ts';
import { ROUTE } from '../../functions/http/request.ts';
import {
  foreignProjectFault,
  keystoneFault,
  notAdminFault,
  unauthenticatedFault,
} from '../../functions/keystone/keystone-fault.ts';
import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
} from '../../functions/oslo/errors.ts';
import { brokerFailure } from '../../functions/runtime/broker-failure.ts';
import { readConfig } from '../../functions/settings/config.ts';

export const EXAMPLE_ID = '00000000-0000-4000-8000-000000000001';

const TARGET = { exchange: 'trove', topic: topicOf(EXAMPLE_ID) };

/** What ends the ping of each reason. */
const ENDS: Readonly<Record<Reason, unknown>> = {
  broker_unreachable: new BrokerUnreachable('connection_refused'),
  broker_refused: new BrokerRefused('login'),
  broker_blocked: new BrokerBlocked(),
  exchange_missing: new MessageDeliveryFailure('refused', 'NOT_FOUND', { replyCode: 404 }),
  queue_down: new MessageDeliveryFailure('nacked', 'basic.nack'),
  queue_missing: new MessageUndeliverable('NO_ROUTE'),
  no_consumer: new NoConsumer('Nobody consumes'),
  no_reply: new MessagingTimeout('No reply'),
  guest_error: raised('ValueError', 'boom'),
  key_mismatch: raised('KeyError', "'context'"),
  bad_reply: 'nonsense',
};

/** An example of the OpenAPI document. */
interface Example {
  readonly summary: string;
  readonly value: unknown;
}

interface Content {
  readonly content?: { readonly 'application/json': { examples: Record<string, unknown> } };
}

/** The parts of the document that repeat what the code says. */
interface Document {
  readonly paths: Readonly<
    Record<string, { readonly get: { readonly responses: Readonly<Record<string, Content>> } }>
  >;
  readonly components: { readonly schemas: { readonly ProxyStatus: { pattern: string } } };
}

/** Puts the bodies of the function's answers and the reasons into the document. API Gateway's own examples stay. */
export function withExamples<D extends Document>(document: D): D {
  const responses = document.paths[ROUTE.path]?.get.responses ?? {};
  for (const [status, made] of Object.entries(examples())) {
    const body = responses[status]?.content?.['application/json'];
    if (!body) throw new Error(`The document has no body of ${status}`);
    const { gateway } = body.examples;
    body.examples = { ...made, ...(gateway !== undefined && { gateway }) };
  }
  const reasons = Object.keys(REASONS).join('|');
  document.components.schemas.ProxyStatus.pattern = `^guest-rpc-ping; error=[a-z_]+; details="(${reasons})"$`;
  return document;
}

/** The bodies of the function's answers, by status and name, as the code makes them. */
function examples(): Record<string, Record<string, Example>> {
  const keystoneUrl = 'https://keystone.example:5000/v3';
  return {
    400: Object.fromEntries(
      Object.entries(ENDS).map(([reason, end]) => [reason, ofReason(reason as Reason, end)]),
    ),
    401: {
      unauthenticated: of(
        'No token, or Keystone does not know it, or it has expired',
        unauthenticatedFault(keystoneUrl),
      ),
      no_admin: of("None of the token's roles is an admin's", notAdminFault(keystoneUrl)),
    },
    403: {
      foreign_project: of(
        "The token's project is another one",
        foreignProjectFault('8dc24587c49f4693a7bc658ef1814362'),
      ),
      no_project: of("The token is unscoped, a domain's or the system's", foreignProjectFault()),
    },
    404: {
      instance: of('instance_id is not a UUID in lower case', instanceNotFound('my-database')),
      route: of('Another path or method', routeNotFound()),
    },
    500: { misconfigured: of('A setting is missing or wrong', instanceFault(problemOf({}))) },
    503: { keystone: of('Keystone cannot be reached, or fails', keystoneFault()) },
  };
}

function ofReason(reason: Reason, end: unknown): Example {
  const result = resultOf(end, reason);
  if (result.reachable || result.reason !== reason) throw new Error(`${reason} ends otherwise`);
  return of(REASONS[reason].means, guestFault(result.cause));
}

function resultOf(end: unknown, reason: Reason): PingResult {
  if (typeof end === 'string') return readPong(end, {}, 1);
  if (reason.startsWith('broker_')) return brokerFailure(end);
  const consumers = reason === 'no_consumer' ? 0 : 1;
  const queue = reason.startsWith('no_') ? { consumers, messages: 1 } : undefined;
  return reasonFor(end, { target: TARGET, queue, roundTripMs: 1 });
}

function of(summary: string, { message }: Fault): Example {
  return { summary, value: JSON.parse(message) };
}

function raised(className: string, message: string): RemoteError {
  return new RemoteError({ class: className, module: 'builtins', message, traceback: '' });
}

function problemOf(settings: Record<string, string>): string {
  try {
    readConfig(settings);
  } catch (error) {
    return Object(error).message;
  }
  throw new Error('These settings are right');
}
