import { Fault, troveFault } from '../http/fault.ts';

// What Trove's API answers to a caller that Keystone does not confirm, byte for byte: of a 401, the code comes first.

/** 401: no token, or none that is good; the words are keystonemiddleware's. */
export function unauthenticatedFault(keystoneUrl: string): Fault {
  const message = 'The request you have made requires authentication.';
  const body = `{"error": {"code": 401, "title": "Unauthorized", "message": "${message}"}}`;
  return new Fault(401, body, challenge(keystoneUrl));
}

/** 401: a good token of the right project, but not an admin's. */
export function notAdminFault(keystoneUrl: string): Fault {
  const body = '{"unauthorized": {"code": 401, "message": "User does not have admin privileges."}}';
  return new Fault(401, body, challenge(keystoneUrl));
}

/** 403: the token is of another project; Python's `None` where it is of no project. */
export function foreignProjectFault(projectId = 'None'): Fault {
  return troveFault('forbidden', `User with tenant id ${projectId} cannot access this resource.`);
}

/** 503: whether the token is good is not known. */
export function keystoneFault(retryAfter?: string): Fault {
  const headers = retryAfter === undefined ? {} : { 'Retry-After': retryAfter };
  return troveFault('serviceUnavailable', 'The Keystone service is temporarily unavailable.', headers);
}

/** Where a token is to be had. */
function challenge(keystoneUrl: string): Record<string, string> {
  return { 'WWW-Authenticate': `Keystone uri="${keystoneUrl.replace(/\/v3$/, '')}"` };
}
