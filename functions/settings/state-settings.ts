import { fileURLToPath } from 'node:url';
import type { Thresholds } from '../changes/transition.ts';
import { InvalidConfig } from './config.ts';

/** An object of S3, or a file, for local use. */
export type StateLocation = { readonly bucket: string; readonly key: string } | { readonly path: string };

/** What the health check alone reads of the environment. */
export interface StateSettings {
  /** Where what is known is kept from sweep to sweep; undefined: nothing is kept, and no changes are told. */
  readonly location: StateLocation | undefined;
  readonly thresholds: Thresholds;
}

type Environment = Readonly<Record<string, string | undefined>>;

const MOST_SWEEPS = 1000;

/** @throws InvalidConfig */
export function readStateSettings(env: Environment): StateSettings {
  return {
    location: readLocation(env['FLEET_STATE_URL']),
    thresholds: {
      unreachableAfterSweeps: readSweeps(env, 'UNREACHABLE_AFTER_SWEEPS', 2),
      reachableAfterSweeps: readSweeps(env, 'REACHABLE_AFTER_SWEEPS', 1),
    },
  };
}

function readLocation(text: string | undefined): StateLocation | undefined {
  if (!text) return undefined;
  const [, bucket, key] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/.exec(text) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'file:' && url.host === '' && !url.pathname.endsWith('/'))
    return { path: fileURLToPath(url) };
  throw new InvalidConfig('FLEET_STATE_URL is neither s3://bucket/key nor file:///path');
}

function readSweeps(env: Environment, name: string, byDefault: number): number {
  const text = env[name];
  if (!text) return byDefault;
  const sweeps = Number(text);
  if (!Number.isInteger(sweeps) || sweeps < 1 || sweeps > MOST_SWEEPS)
    throw new InvalidConfig(`${name} is not a whole number from 1 to ${MOST_SWEEPS}`);
  return sweeps;
}
