import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAll } from '../bundle/bundle.ts';
import { bundlesIn } from '../bundle/bundles.ts';

// Before `npm pack` of this folder: the constructs in JavaScript, with declarations, and the functions' bundles.

const FOLDER = import.meta.dirname;
const ROOT = join(FOLDER, '..', '..');
const DIST = join(FOLDER, 'dist');

rmSync(DIST, { recursive: true, force: true });
execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), ['--project', FOLDER], { stdio: 'inherit' });
const packed = bundlesIn(join(DIST, 'dist')); // where `bundlesIn` finds them by default
for (const [name, folder] of Object.entries(await bundleAll()))
  cpSync(folder, Object(packed)[name], { recursive: true });
cpSync(join(ROOT, 'LICENSE'), join(FOLDER, 'LICENSE'));
