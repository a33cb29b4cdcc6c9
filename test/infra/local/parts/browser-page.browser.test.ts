import { mkdir, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { bundle } from '../../../../infra/bundle/bundle.ts';
import { browserPage } from '../../../../infra/local/parts/browser-page.ts';
import { Gateway } from '../../../../infra/local/parts/gateway.ts';
import { LambdaProcess } from '../../../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../../../infra/local/parts/temporary-folder.ts';
import { instance, stateOf, unreachable } from '../../../page/states.ts';
import { launchChromium } from '../../../setup/chromium.ts';
import { eventually } from '../../../setup/eventually.ts';

const inBrowser = process.env['TEST_WITHOUT_CHROMIUM'] ? describe.skip : describe;

inBrowser('the page that npm start serves', () => {
  const folder = new TemporaryFolder('page');
  const file = folder.file('fleet.json');
  const log: string[] = [];
  let lambda: LambdaProcess;
  let gateway: Gateway;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const local = { name: 'fleet-page', bundlePath: await bundle('fleet-page'), timeoutMs: 10_000 };
    const settings = { FLEET_STATE_URL: String(pathToFileURL(file)), HEALTH_CHECK_RATE_MINUTES: '60' };
    lambda = await LambdaProcess.start(local, settings, (line) => log.push(line));
    gateway = await Gateway.listen(async () => ({ statusCode: 404 }), {
      page: browserPage((event) => lambda.invoke(event)),
    });
    browser = await launchChromium();
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await gateway.close();
    await lambda.end();
    await folder.remove();
  });

  test('the page follows the file that the health check writes, without a reload by hand', async () => {
    const troubles: string[] = [];
    page.on('console', (message) => troubles.push(message.text()));
    await page.goto(`${gateway.url}/fleet`);
    expect(await page.locator('h1').textContent()).toBe('No sweep has been saved yet');

    const at = new Date().toISOString();
    const guest = unreachable('no_consumer', 0, { since: at, flips_since: at });
    await writeFile(file, JSON.stringify(stateOf({ [instance(4)]: guest }, 2, { at })));
    await page.getByText('1 of 3 guests is unreachable').waitFor();
    expect(await page.locator('tbody code').allTextContents()).toEqual([instance(4)]);

    await writeFile(file, '{"version": 1, "guests": {"<script>document.title=1</script>": {}}}');
    await page.getByText('The result of the last sweep cannot be read').waitFor();
    await eventually(
      async () => log.join(),
      (text) => text.includes('state_malformed'),
    );
    expect(await page.title()).toBe('The fleet · Guest RPC Ping');
    expect(troubles).toEqual([]); // the content security policy has refused nothing
  });

  test('a guest of the table leads to its page, with what was filed beside the state', async () => {
    const at = new Date().toISOString();
    const [guest, id] = [unreachable('no_consumer', 0, { since: at, flips_since: at }), instance(4)];
    const line = { at, instance_id: id, change: 'unreachable', reason: 'no_consumer', since: at };
    await writeFile(file, JSON.stringify(stateOf({ [id]: guest }, 2, { at })));
    await mkdir(file.replace('.json', '.history'), { recursive: true });
    await writeFile(
      `${file.replace('.json', '.history')}/${at.slice(0, 7)}.jsonl`,
      `${JSON.stringify(line)}\n`,
    );
    await page.goto(`${gateway.url}/fleet`);
    await page.locator('td a').click();
    await page.getByText('1 incident in 30 days').waitFor();
    expect(page.url()).toBe(`${gateway.url}/fleet/${id}`);
    expect(await page.locator('h1').textContent()).toContain(`${id} is unreachable since`);
    await writeFile(file, '{}');
  });

  test('a script that came onto the page all the same would not run', async () => {
    await page.goto(`${gateway.url}/fleet`);
    const refused = page.waitForEvent('console', (message) =>
      message.text().includes('Content Security Policy'),
    );
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { text: 'document.title = "run"' }))`,
    );
    await refused;
    expect(await page.title()).not.toBe('run');
  });

  test('whoever chooses the function for a widget gets its documentation', async () => {
    expect(await lambda.invoke({ describe: true })).toMatch(/^\n## .*\n[^<]*### Widget parameters\n/s);
  });

  test('the widget has the theme that CloudWatch names', async () => {
    const [light, dark, own] = await Promise.all(
      ['light', 'dark', undefined].map((theme) => lambda.invoke({ widgetContext: { theme, title: '<b>' } })),
    );
    expect(new Set([light, dark, own]).size).toBe(3);
    expect(own).toContain('prefers-color-scheme');
    for (const widget of [light, dark]) expect(widget).not.toContain('prefers-color-scheme');
    expect(await lambda.invoke("no event of CloudWatch's")).toBe(own);
  });
});
