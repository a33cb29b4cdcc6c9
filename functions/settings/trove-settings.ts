import { readKeystone } from './config.ts';
import { InvalidConfig, parseServiceUrl, readNumber, type Variables } from './variables.ts';

/** An application credential `{"id": "…", "secret": "…"}`: a secret, or a file, for local use. */
export type CredentialSettings = { readonly secretId: string } | { readonly file: string };

/** Trove's API, whose list says which guests should answer. */
export type TroveSettings = Readonly<NonNullable<ReturnType<typeof readTroveSettings>>>;

/** @returns undefined: there is no Trove @throws InvalidConfig */
export function readTroveSettings(env: Variables) {
  const { TROVE_URL: text, TROVE_SECRET_ID: secretId, TROVE_CREDENTIALS_FILE: file } = env;
  if (!text) return undefined;
  const url = parseServiceUrl(text);
  if (url === undefined || !url.endsWith('/v1.0'))
    throw new InvalidConfig('TROVE_URL is not an https://…/v1.0 URL without a login in it');
  const keystone = readKeystone(env);
  if (keystone === undefined) throw new InvalidConfig('TROVE_URL needs KEYSTONE_URL');
  return {
    /** `https://…/v1.0`, without a slash at the end. */
    url,
    /** Keystone's v3 API, without a slash at the end. */
    keystoneUrl: keystone.url,
    credential: readCredential(file, secretId),
    /** How long a guest may be silent in a status in which that is expected, in milliseconds. */
    expectedSilenceMs: 60_000 * readNumber(env, 'EXPECTED_SILENCE_MINUTES', 'minutes', 60, 10_080),
  };
}

function readCredential(file: string | undefined, secretId: string | undefined): CredentialSettings {
  if (file) return { file };
  if (secretId) return { secretId };
  throw new InvalidConfig('TROVE_URL needs TROVE_SECRET_ID or TROVE_CREDENTIALS_FILE');
}
