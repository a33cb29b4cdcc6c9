import { readCaCertificates } from './ca-certificates.ts';
import { type Context, InvalidSetting } from './cdk-context.ts';

/** One of OpenStack's APIs, as it is reached from the functions' network. */
export interface OpenStackApi {
  readonly url: string;
  readonly port: number;
  /** Where it is: a block of addresses, or a security group. */
  readonly to: { readonly cidr: string } | { readonly securityGroupId: string };
}

/** The Keystone that says who may call the API. */
export interface KeystoneSettings extends OpenStackApi {
  /** Names of roles, joined by commas. */
  readonly adminRoles: string;
  /** Of a private CA, in PEM; undefined: Node trusts the certificates of Keystone and Trove by itself. */
  readonly caCertificates: string | undefined;
}

/** The Trove whose list says which guests should answer. */
export interface TroveSettings extends OpenStackApi {
  /** The secret of an application credential, `{"id", "secret"}`. */
  readonly secretArn: string;
  /** How long silence may be expected of a guest that is being built, resized and so on. */
  readonly expectedSilenceMinutes: number;
}

export const SECRET_ARN = /^arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:\S+-\w{6}$/;
export const SECRET_ARN_KIND = 'the full ARN of a secret, with the six characters that Secrets Manager adds';

/** No wider than /8, so that nobody lets a function out to everywhere. */
const CIDR = /^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)\/(8|9|[12]\d|3[0-2])$/;

/**
 * @returns undefined where callers sign their requests (IAM), or anyone may call
 * @throws InvalidSetting
 */
export function readKeystone(context: Context): KeystoneSettings | undefined {
  const url = context.text('keystoneUrl', /^https:\/\/[\w.-]+(:\d+)?(\/[\w.-]+)*\/v3$/, 'https://…/v3');
  const more = [
    'keystoneCidr',
    'keystoneSecurityGroupId',
    'keystoneAdminRoles',
    'caCertificates',
    'troveUrl',
  ];
  if (url === undefined) return refuseGiven(context, more, 'keystoneUrl');
  if (context.boolean('anyoneMayCallTheApi'))
    throw new InvalidSetting(
      'keystoneUrl and anyoneMayCallTheApi=true exclude each other: set one of the two.',
    );
  const caFile = context.text('caCertificates');
  return {
    ...readApi(context, 'keystone', url),
    adminRoles:
      context.text('keystoneAdminRoles', /^[^,\s][^,]*(,[^,]+)*$/, 'names of roles, joined by commas') ??
      'admin',
    caCertificates: caFile === undefined ? undefined : readCaCertificates(caFile),
  };
}

/**
 * @returns undefined: the broker alone says who belongs to the fleet
 * @throws InvalidSetting
 */
export function readTrove(context: Context): TroveSettings | undefined {
  const url = context.text('troveUrl', /^https:\/\/[\w.-]+(:\d+)?(\/[\w.-]+)*\/v1\.0$/, 'https://…/v1.0');
  const more = ['troveCidr', 'troveSecurityGroupId', 'troveSecretArn', 'expectedSilenceMinutes'];
  if (url === undefined) return refuseGiven(context, more, 'troveUrl');
  return {
    ...readApi(context, 'trove', url),
    secretArn: context.requiredText(
      'troveSecretArn',
      'troveUrl needs the secret of an application credential',
      SECRET_ARN,
      SECRET_ARN_KIND,
    ),
    expectedSilenceMinutes: context.integer('expectedSilenceMinutes', 60, 1, 10_080),
  };
}

function refuseGiven(context: Context, names: readonly string[], needed: string): undefined {
  const given = names.find((name) => context.text(name) !== undefined);
  if (given !== undefined) throw new InvalidSetting(`${given} needs ${needed}.`);
  return undefined;
}

function readApi(context: Context, name: 'keystone' | 'trove', url: string): OpenStackApi {
  const port = Number(new URL(url).port || 443);
  const cidr = context.text(`${name}Cidr`, CIDR, 'a block of addresses such as 10.1.2.3/32, at most a /8');
  const securityGroupId = context.text(
    `${name}SecurityGroupId`,
    /^sg-[0-9a-f]{8,17}$/,
    "a security group's id, sg-…",
  );
  if (cidr !== undefined && securityGroupId === undefined) return { url, port, to: { cidr } };
  if (securityGroupId !== undefined && cidr === undefined) return { url, port, to: { securityGroupId } };
  throw new InvalidSetting(
    `${name}Url needs either ${name}Cidr or ${name}SecurityGroupId: where it is reached from the VPC.`,
  );
}
