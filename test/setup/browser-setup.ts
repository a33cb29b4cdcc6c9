import { ensureChromium } from './chromium.ts';

/** Installs Chromium where it is missing. Where it cannot be installed, the browser's tests are left out. */
export default function browserSetup(): void {
  if (ensureChromium()) return;
  const message = "Chromium (Debian's chromium) cannot be installed here";
  if (process.env['CI'] === 'true')
    throw new Error(`${message}, and CI may not do without the browser's tests.`);
  console.warn(`\n${'!'.repeat(100)}\n${message}.\nTHE PAGE IS NOT TESTED.\n${'!'.repeat(100)}\n`);
  process.env['TEST_WITHOUT_CHROMIUM'] = 'true';
}
