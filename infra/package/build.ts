import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAll } from '../bundle/bundle.ts';
import { FUNCTIONS } from '../bundle/bundles.ts';

// Before `npm pack` of this folder: the constructs in JavaScript, with declarations, and the functions' bundles.

const FOLDER = import.meta.dirname;
const ROOT = join(FOLDER, '..', '..');
const DIST = join(FOLDER, 'dist');

rmSync(DIST, { recursive: true, force: true });
execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), ['--project', FOLDER], { stdio: 'inherit' });
const bundles = await bundleAll();
for (const name of FUNCTIONS) cpSync(join(bundles, name), join(DIST, 'dist', name), { recursive: true }); // the `BUNDLES` of the package
cpSync(join(ROOT, 'LICENSE'), join(FOLDER, 'LICENSE'));
