import { readCaCertificates } from './ca-certificates.ts';
import { type Context, InvalidSetting } from './cdk-context.ts';

/** A Keystone that says who may call the API. */
export interface KeystoneSettings {
  /** Its v3 API. */
  readonly url: string;
  readonly port: number;
  /** Where it is, as seen from the function's network. */
  readonly to: { readonly cidr: string } | { readonly securityGroupId: string };
  /** Names of roles, joined by commas. */
  readonly adminRoles: string;
  /** Of a private CA, in PEM; undefined: Keystone's certificate is one that Node trusts. */
  readonly caCertificates: string | undefined;
}

/** What only says more of a Keystone. */
const OF_KEYSTONE = ['keystoneCidr', 'keystoneSecurityGroupId', 'keystoneAdminRoles', 'caCertificates'];

/** No wider than /8, so that nobody lets the function out to everywhere. */
const CIDR = /^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)\/(8|9|[12]\d|3[0-2])$/;

/**
 * Reads what the deployer says of Keystone.
 *
 * @returns undefined where callers sign their requests (IAM), or anyone may call
 * @throws InvalidSetting
 */
export function readKeystone(context: Context): KeystoneSettings | undefined {
  const url = context.text('keystoneUrl', /^https:\/\/[\w.-]+(:\d+)?(\/[\w.-]+)*\/v3$/, 'https://…/v3');
  const given = OF_KEYSTONE.find((name) => context.text(name) !== undefined);
  if (url === undefined) {
    if (given !== undefined) throw new InvalidSetting(`${given} is of use with keystoneUrl only.`);
    return undefined;
  }
  if (context.boolean('anyoneMayCallTheApi'))
    throw new InvalidSetting(
      'keystoneUrl and anyoneMayCallTheApi=true exclude each other: set one of the two.',
    );
  const caFile = context.text('caCertificates');
  return {
    url,
    port: Number(new URL(url).port || 443),
    to: readPlace(context),
    adminRoles:
      context.text('keystoneAdminRoles', /^[^,\s][^,]*(,[^,]+)*$/, 'names of roles, joined by commas') ??
      'admin',
    caCertificates: caFile === undefined ? undefined : readCaCertificates(caFile),
  };
}

function readPlace(context: Context): KeystoneSettings['to'] {
  const cidr = context.text('keystoneCidr', CIDR, 'a block of addresses such as 10.1.2.3/32, at most a /8');
  const securityGroupId = context.text(
    'keystoneSecurityGroupId',
    /^sg-[0-9a-f]{8,17}$/,
    'a security group’s id, sg-…',
  );
  if (cidr !== undefined && securityGroupId === undefined) return { cidr };
  if (securityGroupId !== undefined && cidr === undefined) return { securityGroupId };
  throw new InvalidSetting(
    'keystoneUrl needs either keystoneCidr or keystoneSecurityGroupId: the way to Keystone.',
  );
}
