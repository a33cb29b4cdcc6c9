import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';

// What the npm package needs of others. `npm run test:package` installs and uses it.

const ROOT = join(import.meta.dirname, '..', '..');
const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

test('the constructs import the packages that infra/package/package.json names, in the versions of the lock file', async () => {
  const { metafile } = await build({
    entryPoints: [join(ROOT, 'infra', 'package', 'index.ts')],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
  });
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.filter(({ external, path }) => external && !path.startsWith('node:')).map(({ path }) => path),
  );
  const { dependencies, peerDependencies } = read('infra/package/package.json');
  const named: Record<string, string> = { ...dependencies, ...peerDependencies };
  expect([...new Set(imported.map((path) => path.split('/')[0]))].sort()).toEqual(Object.keys(named).sort());
  const root = read('package.json');
  expect({ ...root.dependencies, ...root.devDependencies }).toMatchObject(named);
});

test('both packages have the same version', () => {
  expect(read('infra/package/package.json').version).toBe(read('package.json').version);
});
