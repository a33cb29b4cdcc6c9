// Runs before the npm scripts, on whatever Node there is: installs the npm packages that the lock file
// names, Node 24 among them, unless they are installed already.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';

const [lockFile, installed] = ['package-lock.json', 'node_modules/.package-lock.json'];
const upToDate = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;
if (!upToDate) {
  console.error('Installing the npm packages of package-lock.json into node_modules …');
  // Not `npm ci`: a lock file written where a registry lacks other platforms' optional packages is refused by it.
  const options = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['install', ...options], { stdio: ['inherit', 2, 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
  utimesSync(installed, new Date(), new Date());
}
