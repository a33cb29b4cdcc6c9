import { randomUUID } from 'node:crypto';
import * as v from 'valibot';

/** Instances, a tenant and tokens to call with; what is missing leaves out the calls that need it. */
export const subjectsSchema = v.strictObject({
  /** Of the path; with Keystone, the id of the token's project. */
  tenant: v.optional(v.string(), 'demo'),
  /** An admin's token. */
  token: v.optional(v.string()),
  member_token: v.optional(v.string()),
  unscoped_token: v.optional(v.string()),
  /** A guest that answers, one that encrypts, one whose agent is stopped, one that raises an exception, one with another key. */
  reachable: v.optional(v.string()),
  encrypted: v.optional(v.string()),
  down: v.optional(v.string()),
  raising: v.optional(v.string()),
  other_key: v.optional(v.string()),
});

export type Subjects = Readonly<v.InferOutput<typeof subjectsSchema>>;

/** One call, and what the contract says of its answer. */
export interface Row {
  readonly name: string;
  readonly needs?: keyof Subjects;
  readonly method?: string;
  /** By default the ping of that guest. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** By default the admin's, where there is one; null: none. */
  readonly token?: keyof Subjects | 'nonsense' | null;
  readonly status: number;
  /** Any text for `…`, the path's for `<id>` and `<tenant>`. */
  readonly body: string;
  /** What the body must not have. */
  readonly never?: RegExp;
  readonly withinMs?: number;
}

const FRAME = 'An error occurred communicating with the guest: ';

function fault(kind: string, status: number, message: string): string {
  return `{"${kind}": {"message": "${message}", "code": ${status}}}`;
}

const NO_RESOURCE = fault('itemNotFound', 404, 'The resource could not be found.');
const UNAUTHENTICATED =
  '{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}';
const NO_ADMIN = '{"unauthorized": {"code": 401, "message": "User does not have admin privileges."}}';

function noInstance(id: string): string {
  return fault('itemNotFound', 404, `Resource ${id} cannot be found.`);
}

function notGuest(cause: string): string {
  return fault('badRequest', 400, `${FRAME}${cause}.`);
}

/** How soon a caller has an answer, however silent the guest is: API Gateway waits for 30 s. */
const SOON_MS = 29_000;
const AT_ONCE_MS = 5000;

/** Where a caller asks for a guest, and where there is nothing. */
const PING = '/v1.0/<tenant>/mgmt/instances/<id>/rpc_ping';
const UNKNOWN: string = randomUUID();

/** Of the blueprint guest-rpc-ping-pong and, where that is silent, of the API that it extends. */
export const CONTRACT: readonly Row[] = [
  { name: 'a guest that answers', needs: 'reachable', status: 204, body: '', withinMs: AT_ONCE_MS },
  { name: 'a guest that answers encrypted', needs: 'encrypted', status: 204, body: '', withinMs: AT_ONCE_MS },
  {
    name: 'a guest whose agent is stopped',
    needs: 'down',
    status: 400,
    body: notGuest(
      'Timeout while waiting on RPC response - topic: \\"guestagent.<id>\\", RPC method: \\"rpc_ping\\" info: \\"<unknown>\\"',
    ),
    withinMs: SOON_MS,
  },
  {
    name: 'a guest that raises an exception',
    needs: 'raising',
    status: 400,
    body: notGuest('…'),
    never: /Traceback/,
    withinMs: AT_ONCE_MS,
  },
  { name: 'a guest with another key', needs: 'other_key', status: 400, body: notGuest('…') },
  { name: 'an unknown id', path: PING.replace('<id>', UNKNOWN), status: 400, body: notGuest(`…${UNKNOWN}…`) },
  { name: 'a malformed id', path: PING.replace('<id>', 'my-db'), status: 404, body: noInstance('my-db') },
  {
    name: 'an id in upper case',
    needs: 'reachable',
    path: PING.replace('<id>', '<ID>'),
    status: 404,
    body: noInstance('<ID>'),
  },
  {
    name: 'an id with a quotation mark',
    path: PING.replace('<id>', 'a%22b'),
    status: 404,
    body: noInstance('a\\"b'),
  },
  {
    name: 'an id beyond ASCII',
    path: PING.replace('<id>', '%C3%A9'),
    status: 404,
    body: noInstance('\\u00e9'),
  },
  { name: 'a slash at the end', needs: 'reachable', path: `${PING}/`, status: 404, body: NO_RESOURCE },
  {
    name: 'two slashes',
    needs: 'reachable',
    path: PING.replace('/<id>', '//<id>'),
    status: 404,
    body: NO_RESOURCE,
  },
  { name: 'a path that goes on', needs: 'reachable', path: `${PING}/more`, status: 404, body: NO_RESOURCE },
  {
    name: 'another word',
    needs: 'reachable',
    path: PING.replace('rpc_ping', 'ping'),
    status: 404,
    body: NO_RESOURCE,
  },
  { name: 'a query', needs: 'reachable', path: `${PING}?limit=1`, status: 204, body: '' },
  {
    name: 'Accept: application/xml',
    needs: 'reachable',
    headers: { accept: 'application/xml' },
    status: 204,
    body: '',
  },
  {
    name: 'Accept: text/html, and a malformed id',
    path: PING.replace('<id>', 'my-db'),
    headers: { accept: 'text/html' },
    status: 404,
    body: noInstance('my-db'),
  },
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => ({
    name: method,
    needs: 'reachable' as const,
    method,
    status: 404,
    body: NO_RESOURCE,
  })),
  { name: 'HEAD', needs: 'reachable', method: 'HEAD', status: 404, body: '' },
  { name: 'no token', needs: 'token', token: null, status: 401, body: UNAUTHENTICATED },
  {
    name: 'a token that Keystone does not know',
    needs: 'token',
    token: 'nonsense',
    status: 401,
    body: UNAUTHENTICATED,
  },
  {
    name: "a token without an admin's role",
    needs: 'member_token',
    token: 'member_token',
    status: 401,
    body: NO_ADMIN,
  },
  {
    name: 'a token of no project',
    needs: 'unscoped_token',
    token: 'unscoped_token',
    status: 403,
    body: fault('forbidden', 403, 'User with tenant id None cannot access this resource.'),
  },
  {
    name: 'the path of another tenant',
    needs: 'token',
    path: PING.replace('<tenant>', 'another').replace('<id>', UNKNOWN),
    status: 403,
    body: fault('forbidden', 403, 'User with tenant id <tenant> cannot access this resource.'),
  },
  {
    name: 'a malformed id without a token',
    needs: 'token',
    token: null,
    path: PING.replace('<id>', 'my-db'),
    status: 401,
    body: UNAUTHENTICATED,
  },
];

/** The path of a row's call. */
export function pathOf({ path = PING, needs }: Row, subjects: Subjects): string {
  return filled(path, idOf(needs, subjects), subjects.tenant);
}

/** The guest that a row's call is about. */
export function idOf(needs: Row['needs'], { reachable = UNKNOWN, ...others }: Subjects): string {
  if (needs === undefined || needs.endsWith('token')) return reachable;
  return Object({ reachable, ...others })[needs];
}

export function filled(template: string, id: string, tenant: string): string {
  return template.replaceAll('<id>', id).replaceAll('<ID>', id.toUpperCase()).replaceAll('<tenant>', tenant);
}
