import fs from 'node:fs'; // `fs.promises` is loaded on first use, `node:fs/promises` at once
import { parseJsonObject } from '../json.ts';
import { readSecret } from '../secrets/secrets-manager.ts';
import type { CredentialSettings } from '../settings/trove-settings.ts';
import type { Deadline } from '../time/deadline.ts';
import { requestJson, TroveUnavailable } from './json-request.ts';

/** A token of Keystone's, and the project that it is for. */
export interface ProjectToken {
  readonly token: string;
  readonly projectId: string;
  /** Since the epoch, in milliseconds. */
  readonly expiresAtMs: number;
}

/** A token is not used in its last minute. */
const MARGIN_MS = 60_000;

/** Exchanges an application credential for tokens; a token is kept until it expires. */
export class ApplicationCredential {
  readonly #url: URL;
  readonly #settings: CredentialSettings;
  #current: ProjectToken | undefined;

  /** @param keystoneUrl `https://…/v3`, without a slash at the end */
  constructor(keystoneUrl: string, settings: CredentialSettings) {
    this.#url = new URL(`${keystoneUrl}/auth/tokens?nocatalog`);
    this.#settings = settings;
  }

  /** @throws TroveUnavailable */
  async token(deadline: Deadline): Promise<ProjectToken> {
    if (this.#current === undefined || this.#current.expiresAtMs - MARGIN_MS < Date.now())
      this.#current = await this.#issue(deadline);
    return this.#current;
  }

  /** After a 401: the token was revoked, or the secret was replaced. */
  forget(): void {
    this.#current = undefined;
  }

  async #issue(deadline: Deadline): Promise<ProjectToken> {
    const { id, secret } = parseJsonObject(await this.#read(deadline)) ?? {};
    if (typeof id !== 'string' || typeof secret !== 'string')
      throw new TroveUnavailable('The application credential is not {"id": "…", "secret": "…"}');
    const identity = { methods: ['application_credential'], application_credential: { id, secret } };
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
    const body = JSON.stringify({ auth: { identity } });
    const request = { method: 'POST', headers };
    const answer = await requestJson('Keystone', this.#url, deadline, request, body);
    const { status, json } = answer;
    // Seen of Keystone 22: 404 when the credential was deleted.
    if (status === 401 || status === 404)
      throw new TroveUnavailable('Keystone refused the application credential');
    const token = answer.headers['x-subject-token'];
    const { project, expires_at: expiresAt } = Object(Object(json).token);
    const expiresAtMs = Date.parse(expiresAt);
    if (
      status !== 201 ||
      typeof token !== 'string' ||
      typeof project?.id !== 'string' ||
      Number.isNaN(expiresAtMs)
    )
      throw new TroveUnavailable(`Keystone's answer (${status}) is not a token of a project`);
    return { token, projectId: project.id, expiresAtMs };
  }

  async #read(deadline: Deadline): Promise<string> {
    const settings = this.#settings;
    try {
      if ('secretId' in settings) return await readSecret(settings.secretId, deadline);
      return new TextDecoder().decode(await fs.promises.readFile(settings.file)); // without a byte order mark
    } catch (error) {
      const { code, message } = Object(error);
      const why = 'file' in settings ? `TROVE_CREDENTIALS_FILE cannot be read: ${code}` : message;
      throw new TroveUnavailable(why, { cause: error });
    }
  }
}
