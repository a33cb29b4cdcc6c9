import { parseJsonObject } from '../json.ts';

/** What Keystone says of a token; the token itself is not in here. */
export interface Token {
  /** Since the epoch, in milliseconds. */
  readonly expiresAtMs: number;
  /** undefined: the token is unscoped, or its scope is a domain or the system. */
  readonly project: { readonly id: string; readonly name: string } | undefined;
  readonly userName: string;
  /** Names, as Keystone writes them. */
  readonly roles: readonly string[];
}

/** Reads the answer to `GET /v3/auth/tokens`. @returns undefined where the text is something else */
export function parseToken(text: string): Token | undefined {
  const { expires_at: expiresAt, project, user, roles } = Object(parseJsonObject(text)?.['token']);
  const expiresAtMs = Date.parse(expiresAt);
  const roleNames = namesOf(roles ?? []); // an unscoped token has none
  const isProject = typeof project?.id === 'string' && typeof project.name === 'string';
  if (Number.isNaN(expiresAtMs) || typeof user?.name !== 'string' || roleNames === undefined)
    return undefined;
  if (project !== undefined && !isProject) return undefined;
  return {
    expiresAtMs,
    project: isProject ? { id: project.id, name: project.name } : undefined,
    userName: user.name,
    roles: roleNames,
  };
}

/** Whether Keystone itself wrote this error, and not a proxy before it. */
export function isKeystoneError(text: string, status: number): boolean {
  return Object(parseJsonObject(text)?.['error']).code === status;
}

function namesOf(roles: unknown): string[] | undefined {
  if (!Array.isArray(roles)) return undefined;
  const names = roles.map((role) => Object(role).name);
  return names.every((name) => typeof name === 'string') ? names : undefined;
}
