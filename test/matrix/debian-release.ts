import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureDebianPackages } from '../../infra/local/parts/debian-packages.ts';

const PACKAGES = ['rabbitmq-server', 'python3-trove', 'python3-oslo.messaging'] as const;

/** Outside the repository, so that another checkout finds them too; removed by hand, to have them made anew. */
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'guest-rpc-ping');

/** The versions of what is tested against, such as 4.0.5. */
export interface Versions {
  readonly rabbitmq: string;
  readonly trove: string;
  readonly oslo: string;
}

/** Whether a Debian release can be installed into a folder and entered here: as root, with apt. */
export function canEnterReleases(): boolean {
  return process.getuid?.() === 0 && ensureDebianPackages('debootstrap', 'debian-archive-keyring');
}

/**
 * Installs a Debian release with RabbitMQ and Trove into a folder, unless it is in the cache.
 *
 * @param release its code name, such as trixie
 * @returns the folder, for `DEBIAN_ROOT`
 * @throws where it cannot be installed, with what the installers printed
 */
export function ensureRelease(release: string): string {
  const root = join(CACHE, release);
  if (existsSync(root)) return root;
  console.log(`Installing Debian ${release} with RabbitMQ and Trove into ${root} (0.7 GB), some minutes …`);
  mkdirSync(CACHE, { recursive: true });
  const script = join(import.meta.dirname, 'make-root.sh');
  const make = ['unshare', '--mount', 'sh', script, root, release, mirror(), ...PACKAGES];
  const { status, signal, stdout } = spawnSync('flock', [`${root}.lock`, ...make], {
    maxBuffer: 64 * 1024 * 1024,
  });
  if (signal !== null || status === 130) process.exit(130);
  if (status !== 0) throw new Error(`Debian ${release} cannot be installed into ${root}:\n${stdout}`);
  return root;
}

/** Asks the release that is installed there for what it brings. */
export function versionsIn(root: string): Versions {
  const query = ['dpkg-query', '--show', '--showformat', '${Package} ${Version}\n', ...PACKAGES];
  const printed = execFileSync('chroot', [root, ...query], { encoding: 'utf8' });
  const of = (name: string) => upstream(new RegExp(`^${name} (.*)$`, 'm').exec(printed)?.[1] ?? '');
  const [rabbitmq, trove, oslo] = PACKAGES;
  return { rabbitmq: of(rabbitmq), trove: of(trove), oslo: of(oslo) };
}

/** Without Debian's own epoch and revision: 23.0.0 of 1:23.0.0-2. */
function upstream(version: string): string {
  return version.replace(/^\d+:/, '').replace(/-[^-]*$/, '');
}

/** The mirror of Debian that this machine's apt is set up for. */
function mirror(): string {
  const ask = () => {
    const asked = ['--format', '$(REPO_URI)', 'Created-By: Packages', 'Label: Debian', 'Component: main'];
    return execFileSync('apt-get', ['indextargets', ...asked], { encoding: 'utf8' }).split('\n')[0];
  };
  const known = ask();
  if (known) return known;
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit' }); // apt has no lists yet, which say whose they are
  const uri = ask();
  if (!uri) throw new Error('apt is set up for no mirror of Debian');
  return uri;
}
