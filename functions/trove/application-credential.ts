import fs from 'node:fs'; // `fs.promises` is loaded on first use, `node:fs/promises` at once
import { parseJsonObject } from '../json.ts';
import { readSecret } from '../secrets/secrets-manager.ts';
import type { CredentialSettings } from '../settings/trove-settings.ts';
import type { Deadline } from '../time/deadline.ts';
import { requestJson, TroveUnavailable } from './json-request.ts';

/** A token is not used in its last minute. */
const MARGIN_MS = 60_000;

/**
 * Exchanges an application credential for tokens; a token is kept until it expires.
 *
 * @param keystoneUrl `https://…/v3`, without a slash at the end
 * @returns a function that throws TroveUnavailable; `isRefused`: the last token got a 401, since it was revoked, or the
 * secret was replaced
 */
export function tokenIssuer(keystoneUrl: string, settings: CredentialSettings) {
  const url = new URL(`${keystoneUrl}/auth/tokens?nocatalog`);
  let current: Awaited<ReturnType<typeof issue>> | undefined;
  return async (deadline: Deadline, isRefused: boolean) => {
    if (isRefused || current === undefined || current.expiresAtMs - MARGIN_MS < Date.now())
      current = await issue(url, await read(settings, deadline), deadline);
    return current;
  };
}

/** @returns a token, the project that it is for, and when it expires, since the epoch */
async function issue(url: URL, credential: string, deadline: Deadline) {
  const { id, secret } = parseJsonObject(credential) ?? {};
  if (typeof id !== 'string' || typeof secret !== 'string')
    throw new TroveUnavailable('The application credential is not {"id": "…", "secret": "…"}');
  const identity = { methods: ['application_credential'], application_credential: { id, secret } };
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  const body = JSON.stringify({ auth: { identity } });
  const answer = await requestJson('Keystone', url, deadline, { method: 'POST', headers }, body);
  const { status, json } = answer;
  // Seen of Keystone 22: 404 when the credential was deleted.
  if (status === 401 || status === 404)
    throw new TroveUnavailable('Keystone refused the application credential');
  const token = answer.headers['x-subject-token'];
  const { project, expires_at: expiresAt } = Object(Object(json).token);
  const expiresAtMs = Date.parse(expiresAt);
  const isToken = typeof token === 'string' && typeof project?.id === 'string' && !Number.isNaN(expiresAtMs);
  if (status !== 201 || !isToken)
    throw new TroveUnavailable(`Keystone's answer (${status}) is not a token of a project`);
  return { token, projectId: String(project.id), expiresAtMs };
}

async function read(settings: CredentialSettings, deadline: Deadline): Promise<string> {
  try {
    if ('secretId' in settings) return await readSecret(settings.secretId, deadline);
    return new TextDecoder().decode(await fs.promises.readFile(settings.file)); // without a byte order mark
  } catch (error) {
    const { code, message } = Object(error);
    const why = 'file' in settings ? `TROVE_CREDENTIALS_FILE cannot be read: ${code}` : message;
    throw new TroveUnavailable(why, { cause: error });
  }
}
