import { CodedError } from '../coded-error.ts';

/**
 * OpenStack's fault JSON, byte for byte as Trove writes it: the layout of Python's `json.dumps`, `message`
 * first, everything beyond ASCII escaped.
 */

const STATUS = {
  badRequest: 400,
  forbidden: 403,
  itemNotFound: 404,
  instanceFault: 500,
  serviceUnavailable: 503,
} as const;

type Headers = Readonly<Record<string, string>>;

/** An error that is an HTTP answer: `@middy/http-error-handler` turns status, headers and message into it. */
export class Fault extends CodedError {
  readonly code = 'fault';
  readonly statusCode: number;
  readonly expose = true;
  readonly headers: Headers;

  /** @param body JSON */
  constructor(statusCode: number, body: string, headers: Headers = {}) {
    super(body);
    this.statusCode = statusCode;
    this.headers = { 'Content-Type': 'application/json; charset=UTF-8', ...headers };
  }

  with(headers: Headers): Fault {
    return new Fault(this.statusCode, this.message, { ...this.headers, ...headers });
  }
}

/** The frame of all of Trove's own faults but one (`notAdminFault`). */
export function troveFault(kind: keyof typeof STATUS, message: string, headers?: Headers): Fault {
  const code = STATUS[kind];
  return new Fault(code, `{"${kind}": {"message": ${asciiJson(message)}, "code": ${code}}}`, headers);
}

/** 400: the guest could not be pinged. The text around the cause is that of Trove's `GuestError`. */
export function guestFault(cause: string, headers?: Headers): Fault {
  return troveFault('badRequest', `An error occurred communicating with the guest: ${cause}.`, headers);
}

/** 404: no instance can have this id. */
export function instanceNotFound(instanceId: string): Fault {
  return troveFault('itemNotFound', `Resource ${instanceId} cannot be found.`);
}

/** 404: no such path, or not with this method. */
export function routeNotFound(): Fault {
  return troveFault('itemNotFound', 'The resource could not be found.');
}

/** 500 for any other error; its message is for the caller where the deployer has to correct something, and has no detail otherwise. */
export function unexpectedFault(error: unknown, requestId: string): Fault {
  const isForCaller = error instanceof CodedError && error.isForDeployer;
  return instanceFault(
    isForCaller ? error.message : `The function failed (request id ${requestId}). See its log.`,
  );
}

/** 500: the function itself is at fault. */
export function instanceFault(message: string): Fault {
  return troveFault('instanceFault', message);
}

function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
