import { globSync, mkdirSync, mkdtempDisposableSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { bundleAll } from '../bundle/bundle.ts';
import { FUNCTIONS } from '../bundle/bundles.ts';
import { plainTemplate } from './plain-template.ts';

// `npm run release`: writes into `dist/release` what Terraform, SAM and other tools take: the functions as zips, and a
// CloudFormation template. The same sources make the same bytes.

const FOLDER = join(import.meta.dirname, '..', '..', 'dist', 'release');
const MTIME = '1980-01-01T00:00:00Z';

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const bundles = await bundleAll();
using synthesis = mkdtempDisposableSync(join(tmpdir(), 'guest-rpc-ping-release-'));
const template = plainTemplate(synthesis.path, bundles);
const written = new Set(['guest-rpc-ping.template.json']);
writeFileSync(join(FOLDER, 'guest-rpc-ping.template.json'), JSON.stringify(template));
for (const name of FUNCTIONS) {
  const folder = join(bundles, name);
  const files = globSync('*', { cwd: folder }).sort();
  const entries = files.map((file) => [file, readFileSync(join(folder, file))] as const);
  writeFileSync(join(FOLDER, `${name}.zip`), zipSync(Object.fromEntries(entries), { mtime: MTIME }));
  written.add(`${name}.zip`);
}
for (const name of written) console.log(`dist/release/${name}`);
