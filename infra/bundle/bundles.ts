import { join } from 'node:path';

/** The folder of each function's bundle, by name. */
export type Bundles = Readonly<ReturnType<typeof bundlesIn>>;

/** The bundles that are in a folder; by default those of `npm run synth`, or of the npm package. */
export function bundlesIn(folder = join(import.meta.dirname, '..', '..', 'dist')) {
  return {
    'rpc-ping': join(folder, 'rpc-ping'),
    'health-check': join(folder, 'health-check'),
    'fleet-page': join(folder, 'fleet-page'),
    fleet: join(folder, 'fleet'),
    'broker-users': join(folder, 'broker-users'),
  };
}
