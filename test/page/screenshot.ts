import { join } from 'node:path';
import { fleetView } from '../../functions/page/fleet-view.ts';
import { BY_PATH } from '../../functions/page/widget-event.ts';
import { pageDocument } from '../../infra/local/parts/browser-page.ts';
import { ensureChromium, launchChromium } from '../setup/chromium.ts';
import { DESCRIBED, NOW_MS } from './states.ts';

// `npm run screenshot`: takes the README's pictures of the page anew, as a desk and as a phone show it.

const FOLDER = join(import.meta.dirname, '..', '..', '.github');
const PICTURES = {
  'fleet.png': { width: 1008, height: 100 },
  'fleet-phone.png': { width: 390, height: 844 },
};

if (!ensureChromium()) throw new Error("Chromium (Debian's chromium) cannot be installed here");
const browser = await launchChromium();
try {
  const widget = fleetView(DESCRIBED, { nowMs: NOW_MS, rateMs: 300_000, theme: 'light', linkTo: BY_PATH });
  for (const [name, viewport] of Object.entries(PICTURES)) {
    const page = await browser.newPage({ viewport, colorScheme: 'light' });
    await page.setContent(pageDocument(String(widget)));
    const path = join(FOLDER, name);
    await page.screenshot({ path, fullPage: !name.includes('phone') });
    console.log(`${path} is written.`);
  }
} finally {
  await browser.close();
}
