import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..', '..');

/**
 * Bundles one function into one minified file, as it is deployed.
 *
 * @param name of the entry `functions/<name>.ts`
 * @returns the file's path, `dist/<name>/index.cjs`
 */
export async function bundle(name: string): Promise<string> {
  const outfile = join(ROOT, 'dist', name, 'index.cjs');
  await build({
    entryPoints: [join(ROOT, 'functions', `${name}.ts`)],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    external: ['@aws-sdk/*'], // loaded on demand only, and Lambda's runtime brings it
    legalComments: 'none',
  });
  return outfile;
}
