import { join } from 'node:path';

/** The functions; the entry of each is `functions/<name>.ts`. */
export const FUNCTIONS = ['rpc-ping', 'health-check', 'fleet-page', 'fleet', 'broker-users'] as const;

export type FunctionName = (typeof FUNCTIONS)[number];

/** The folder in which each function has a folder with its bundle; in the npm package, that of the package. */
export const BUNDLES = join(import.meta.dirname, '..', '..', 'dist');
