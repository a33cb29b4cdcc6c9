import { spawnSync } from 'node:child_process';

/** Run as root: installs packages, and keeps their services from starting now or at boot. */
const INSTALL_SCRIPT = `
  policy=/usr/sbin/policy-rc.d
  (while sleep 2.5; do echo 'Installing …'; done) & ticker=$!
  trap 'kill $ticker' EXIT
  if [ ! -e $policy ]; then
    trap 'rm -f $policy; kill $ticker' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod +x $policy
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null 2>&1 || exit 1
  ! command -v systemctl > /dev/null || systemctl disable rabbitmq-server epmd.socket > /dev/null 2>&1 || true
`;

/**
 * Installs the Debian packages that are missing, and prints a line about that.
 *
 * @returns false when some are missing and cannot be installed: no apt, or neither root nor sudo
 */
export function ensureDebianPackages(...packages: string[]): boolean {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return true;
  if (!isCommand('apt-get')) return false;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !isCommand('sudo')) return false;
  console.log(
    `Installing ${missing.join(' and ')} (Debian packages) with apt-get${isRoot ? '' : ' by sudo'}, up to a minute …`,
  );
  const command = [...(isRoot ? [] : ['sudo']), 'sh', '-c', INSTALL_SCRIPT, 'install', ...missing];
  const [program = '', ...args] = command;
  const { status, signal } = spawnSync(program, args, { stdio: 'inherit' });
  if (signal !== null || status === 130) process.exit(130); // Ctrl-C ends the program without an error message
  return status === 0;
}

function isInstalled(name: string): boolean {
  const query = spawnSync('dpkg-query', ['--show', '--showformat', '${db:Status-Abbrev}', name]);
  return query.status === 0 && query.stdout.toString().startsWith('ii');
}

export function isCommand(name: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', name]).status === 0;
}
