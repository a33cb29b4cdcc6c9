import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';

// `npm pack`, then a stranger's application: the tarball in an empty folder, with what npm installs for it.

const ROOT = join(import.meta.dirname, '..', '..');
const NODE_24 = join(ROOT, 'node_modules', '.bin', 'node');

/** The machine's own, as a stranger has it; any from 20 on. */
const OWN_NODE = execFileSync('/usr/bin/env', ['node', '-p', 'process.execPath'], {
  env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
  encoding: 'utf8',
}).trim();

jest.setTimeout(600_000);

let folder: TemporaryFolder;
beforeAll(() => {
  folder = new TemporaryFolder('package');
  const npm = (...args: readonly string[]) =>
    execFileSync('npm', args, { cwd: folder.path, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const tarball =
    npm('pack', '--silent', join(ROOT, 'infra', 'package'))
      .trim()
      .split('\n')
      .at(-1) ?? '';
  writeFileSync(folder.file('package.json'), '{ "private": true, "type": "module" }');
  npm('install', '--no-audit', '--no-fund', `./${tarball}`, 'typescript', '@types/node');
  cpSync(join(ROOT, 'infra', 'examples', 'cdk'), folder.path, { recursive: true });
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2022', types: ['node'] };
  writeFileSync(folder.file('tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }));
  execFileSync(folder.file('node_modules/.bin/tsc'), { cwd: folder.path, stdio: 'pipe' });
});
afterAll(() => folder.remove());

test("brings the constructs, their declarations, the bundles and the licence; neither esbuild nor AWS's clients", () => {
  const { packages } = JSON.parse(readFileSync(folder.file('package-lock.json'), 'utf8'));
  expect(Object.keys(packages)).toContain('node_modules/guest-rpc-ping');
  expect(Object.keys(packages).filter((path) => /esbuild|@aws-sdk|amqplib/.test(path))).toEqual([]);
  const inside = (path: string) => readFileSync(folder.file(`node_modules/guest-rpc-ping/${path}`), 'utf8');
  expect(inside('LICENSE')).toContain('Apache License');
  for (const name of ['rpc-ping', 'health-check', 'fleet-page', 'fleet', 'broker-users'])
    expect(inside(`dist/dist/${name}/index.mjs`)).toContain('handler');
});

test.each([
  ['TypeScript', 'app.js', "the machine's Node", OWN_NODE],
  ['TypeScript', 'app.js', 'Node 24', NODE_24],
  ['JavaScript', 'app.mjs', "the machine's Node", OWN_NODE],
  ['JavaScript', 'app.mjs', 'Node 24', NODE_24],
])('an application in %s (%s) is synthesized on %s', (_language, app, _version, node) => {
  const outdir = folder.file(`out-${app}-${node === NODE_24}`);
  execFileSync(node, [app], { cwd: folder.path, env: { CDK_OUTDIR: outdir }, stdio: 'pipe' });
  const { Resources } = JSON.parse(readFileSync(join(outdir, 'Pings.template.json'), 'utf8'));
  const names = Object.values(Resources).map((resource) => Object(resource).Properties?.FunctionName);
  expect(names).toEqual(expect.arrayContaining(['Pings-rpc-ping', 'Pings-health-check']));
});
