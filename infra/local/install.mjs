// Runs before the npm scripts, on any Node from 20 on: installs the npm packages of the lock file, Node 24 among them,
// unless node_modules is newer than the lock file. `--omit=dev` leaves out what only tests and tools need.
import { spawn } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';

const [lockFile, installed] = ['package-lock.json', 'node_modules/.package-lock.json'];
const isNew = !existsSync(installed);
const omitted = process.argv.includes('--omit=dev') && !existsSync('node_modules/jest') ? ['--omit=dev'] : [];
const isWhole = omitted.length > 0 || existsSync('node_modules/jest');
if (isNew || !isWhole || statSync(installed).mtimeMs < statSync(lockFile).mtimeMs) {
  console.error('Installing the npm packages of package-lock.json into node_modules …');
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const timer = setInterval(() => console.error(`Installing the npm packages … ${seconds()} s`), 2500);
  process.on('SIGINT', () => undefined); // npm gets Ctrl-C too, and needs seconds to remove what is half installed
  // `npm ci` would first remove what another command of this folder may be running.
  const npm = spawn('npm', [...(isNew ? ['ci'] : ['install', '--no-save']), ...omitted], {
    stdio: ['ignore', 2, 'inherit'],
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => npm.kill(signal));
  npm.on('exit', (status) => {
    clearInterval(timer);
    process.exitCode = status ?? 130;
    if (status === 0) utimesSync(installed, new Date(), new Date());
  });
}
