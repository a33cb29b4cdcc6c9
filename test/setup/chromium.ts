import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { ensureDebianPackages } from '../../infra/local/parts/debian-packages.ts';

/** Where Chromium, or Chrome, is installed: Debian's, other Linux', macOS'. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Nothing is asked of the network. The sandbox does not work as root, or in most containers. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @returns false where there is no Chromium and none can be installed */
export function ensureChromium(): boolean {
  return installed() !== undefined || ensureDebianPackages('chromium', 'fonts-dejavu-core');
}

/** Starts a browser without a window, which ends with this process at the latest. */
export function launchChromium(): Promise<Browser> {
  const executablePath = installed();
  if (executablePath === undefined) throw new Error('There is no Chromium');
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

function installed(): string | undefined {
  return PLACES.find((path) => existsSync(path));
}
