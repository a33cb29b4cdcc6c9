import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureDebianPackages } from '../../infra/local/parts/debian-packages.ts';

/** AWS's runtime interface client, the part of Lambda's Node.js runtime that is ours to run. */
const CLIENT = 'aws-lambda-ric@4.0.2';

const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'guest-rpc-ping');
const BUILD_TOOLS = ['cmake', 'g++', 'make', 'xz-utils', 'python3'];

/**
 * Installs AWS's runtime interface client into the cache unless it is there, and compiles its addon in C++. The
 * addon speaks Node-API, so that the headers of any Node will do.
 *
 * @returns the script to run with Node
 */
export function ensureInterfaceClient(): string {
  const installed = join(CACHE, CLIENT);
  const script = join('node_modules', 'aws-lambda-ric', 'index.mjs');
  if (existsSync(installed)) return join(installed, script);
  console.log(`Compiling ${CLIENT} into ${installed}, up to two minutes …`);
  ensureDebianPackages(...BUILD_TOOLS);
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(`${installed}.making-`);
  try {
    const run = (command: string, args: string[], cwd: string) =>
      // Kept out of sight, but in the error where there is one: tar alone warns a thousand times.
      execFileSync(command, args, {
        cwd,
        env: buildEnvironment(),
        stdio: 'pipe',
        maxBuffer: 64 * 1024 * 1024,
      });
    run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, CLIENT],
      folder,
    );
    const client = join(folder, 'node_modules', 'aws-lambda-ric');
    for (const step of ['preinstall.sh', 'postinstall.sh']) run('sh', [join('scripts', step)], client);
    renameSync(folder, installed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return join(installed, script);
}

/** Where this machine has Node's headers they are taken, so that node-gyp downloads none. */
function buildEnvironment(): NodeJS.ProcessEnv {
  const hasHeaders = existsSync('/usr/include/node/node_api.h');
  return { ...process.env, ...(hasHeaders && { npm_config_nodedir: '/usr' }) };
}
