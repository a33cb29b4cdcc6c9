import { join } from 'node:path';
import { fleetView } from '../../functions/page/fleet-view.ts';
import { BY_PATH } from '../../functions/page/widget-event.ts';
import { pageDocument } from '../../infra/local/parts/browser-page.ts';
import { ensureChromium, launchChromium } from '../setup/chromium.ts';
import { DESCRIBED, NOW_MS } from './states.ts';

// `npm run screenshot`: takes the README's picture of the page anew.

const PICTURE = join(import.meta.dirname, '..', '..', '.github', 'fleet.png');

if (!ensureChromium()) throw new Error("Chromium (Debian's chromium) cannot be installed here");
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width: 1008, height: 100 }, colorScheme: 'light' });
  const widget = fleetView(DESCRIBED, { nowMs: NOW_MS, rateMs: 300_000, theme: 'light', linkTo: BY_PATH });
  await page.setContent(pageDocument(String(widget)));
  await page.screenshot({ path: PICTURE, fullPage: true });
  console.log(`${PICTURE} is written.`);
} finally {
  await browser.close();
}
