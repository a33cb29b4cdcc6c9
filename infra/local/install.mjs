// Runs before the npm scripts, on any Node from 20 on: installs the npm packages of the lock file, Node 24 among them,
// unless node_modules is newer than the lock file.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';

const [lockFile, installed] = ['package-lock.json', 'node_modules/.package-lock.json'];
const upToDate = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;
if (!upToDate) {
  console.error('Installing the npm packages of package-lock.json into node_modules …');
  // Not `npm ci`, which refuses a lock file that lacks other platforms' optional packages.
  const options = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['install', ...options], { stdio: ['inherit', 2, 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
  utimesSync(installed, new Date(), new Date());
}
