import { CONTRACT, filled, idOf, pathOf, type Row, type Subjects } from './contract.ts';

/** Something in which an answer is not what the contract says. */
export interface Difference {
  readonly row: string;
  readonly aspect: Aspect;
  readonly expected: string;
  readonly seen: string;
}

export type Aspect =
  | 'status'
  | 'text'
  | 'key order'
  | 'Content-Type'
  | 'Content-Length'
  | 'X-OpenStack-Request-Id'
  | 'WWW-Authenticate'
  | 'time';

export interface Run {
  /** The calls that were made. */
  readonly rows: readonly string[];
  readonly differences: readonly Difference[];
}

/** Adds what lets a call in, such as a signature. */
export type Sign = (
  method: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
) => Promise<Record<string, string>>;

const REQUEST_ID = /^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Sent with each call: an answer has an id of its own. */
const CALLERS_ID = 'req-6d4b7f2e-8a3c-4f5b-9c1d-2e3f4a5b6c7d';
const JSON_TYPE = 'application/json; charset=UTF-8';
const TIMEOUT_MS = 90_000;
/** How much of an answer a table shows. */
const MAX_SHOWN = 160;

/** Makes each call of the contract for which there are subjects. @param url of the API, without a slash at the end */
export async function run(url: string, subjects: Subjects, sign: Sign = async () => ({})): Promise<Run> {
  const rows = CONTRACT.filter((row) => isPossible(row, subjects));
  const ids = new Set<string>();
  const differences: Difference[] = [];
  for (const row of rows) differences.push(...(await call(url, row, subjects, sign, ids)));
  return { rows: rows.map(({ name }) => name), differences };
}

/** Whether there is what the call needs; an id without a letter is the same in upper case. */
function isPossible({ needs, path = '' }: Row, subjects: Subjects): boolean {
  if (needs === undefined) return true;
  return subjects[needs] !== undefined && !(path.includes('<ID>') && !/[a-f]/.test(idOf(needs, subjects)));
}

async function call(
  base: string,
  row: Row,
  subjects: Subjects,
  sign: Sign,
  ids: Set<string>,
): Promise<Difference[]> {
  const method = row.method ?? 'GET';
  const url = new URL(base + pathOf(row, subjects));
  const token = tokenOf(row, subjects);
  const own = {
    'x-openstack-request-id': CALLERS_ID,
    ...(token && { 'x-auth-token': token }),
    ...row.headers,
  };
  const headers = { ...own, ...(await sign(method, url, own)) };
  const start = performance.now();
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error) => String(Object(error).cause ?? error));
  if (typeof response === 'string')
    return [
      { row: row.name, aspect: 'status', expected: String(row.status), seen: `no answer: ${response}` },
    ];
  const body = await response.text();
  const ms = performance.now() - start;

  const id = idOf(row.needs, subjects);
  const found: Difference[] = [];
  const compare = (aspect: Aspect, expected: string, seen: string | null, isSame = expected === seen) => {
    if (!isSame)
      found.push({ row: row.name, aspect, expected, seen: anonymous(seen ?? 'none', id, subjects.tenant) });
  };
  const shown = body === '' ? 'no body' : body;
  compare('status', String(row.status), `${response.status}, ${shown}`, row.status === response.status);
  if (found.length > 0) return found; // all else is of another answer
  const wanted = row.body;
  const isMatching = matches(wanted, body, id, subjects.tenant) && !row.never?.test(body);
  const isReordered =
    !isMatching && matches(sorted(wanted), sorted(body), id, subjects.tenant) && !row.never?.test(body);
  compare(isReordered ? 'key order' : 'text', wanted === '' ? 'no body' : wanted, shown, isMatching);
  const type = response.headers.get('content-type');
  if (method !== 'HEAD') {
    const length = response.headers.get('content-length');
    const bytes = String(Buffer.byteLength(body));
    compare('Content-Length', 'as long as the body', length, length === bytes);
    compare('Content-Type', row.status === 204 ? 'application/json' : JSON_TYPE, type);
  }
  const requestId = response.headers.get('x-openstack-request-id');
  const isOwn =
    requestId !== null && REQUEST_ID.test(requestId) && requestId !== CALLERS_ID && !ids.has(requestId);
  compare('X-OpenStack-Request-Id', 'req-<uuid>, of its own', requestId, isOwn);
  if (requestId) ids.add(requestId);
  if (row.status === 401) {
    const challenge = response.headers.get('www-authenticate');
    compare(
      'WWW-Authenticate',
      'Keystone uri="<url>"',
      challenge,
      /^Keystone uri="https?:\/\/[^"]+[^"/]"$/.test(challenge ?? ''),
    );
  }
  if (row.withinMs !== undefined)
    compare('time', `within ${row.withinMs / 1000} s`, `${(ms / 1000).toFixed(0)} s`, ms <= row.withinMs);
  return found;
}

function tokenOf({ token = 'token' }: Row, subjects: Subjects): string | undefined {
  if (token === null) return undefined;
  return token === 'nonsense' ? token : subjects[token];
}

function matches(template: string, text: string, id: string, tenant: string): boolean {
  const pattern = filled(template, id, tenant)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.+');
  return new RegExp(`^${pattern}$`, 's').test(text);
}

/** The same JSON with its keys in order; other texts as they are. */
function sorted(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), (_key, value) =>
      typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).sort()) : value,
    );
  } catch {
    return text;
  }
}

/** What was seen, without what differs from run to run, in one line of a table. */
function anonymous(text: string, id: string, tenant: string): string {
  const known = text
    .replaceAll(id, '<id>')
    .replaceAll(id.toUpperCase(), '<ID>')
    .replaceAll(tenant, '<tenant>');
  const line = known
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/[0-9a-f]{32}/g, '<hex>')
    .replace(/\s+/g, ' ');
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
}
