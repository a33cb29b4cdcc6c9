import { join } from 'node:path';

/** The folder of each function's bundle, by name. */
export type Bundles = Readonly<
  Record<'rpc-ping' | 'health-check' | 'fleet-page' | 'fleet' | 'broker-users', string>
>;

/** The bundles that are in a folder; by default those of `npm run synth`, or of the npm package. */
export function bundlesIn(folder = join(import.meta.dirname, '..', '..', 'dist')): Bundles {
  return {
    'rpc-ping': join(folder, 'rpc-ping'),
    'health-check': join(folder, 'health-check'),
    'fleet-page': join(folder, 'fleet-page'),
    fleet: join(folder, 'fleet'),
    'broker-users': join(folder, 'broker-users'),
  };
}
