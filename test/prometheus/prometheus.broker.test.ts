import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bundle } from '../../infra/bundle/bundle.ts';
import { Gateway } from '../../infra/local/parts/gateway.ts';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { HealthCheckUnderTest, NO_TIME_TO_RETURN_MS } from '../setup/health-check-under-test.ts';
import { KeystoneStandIn, vouchFor } from '../setup/keystone-stand-in.ts';
import { TestBroker } from '../setup/test-broker.ts';
import { PrometheusServer, promtool, type Sample } from './prometheus-server.ts';

// Debian's Prometheus, with the files of infra/monitoring, scrapes the bundled function, which reads what the bundled health
// check found out about real Trove guests. Seconds take the place of minutes.

const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

const MONITORING = join(import.meta.dirname, '..', '..', 'infra', 'monitoring');
const [UP, DOWN] = [randomUUID(), randomUUID()].sort() as [string, string];

interop('Prometheus', () => {
  let stack: AsyncDisposableStack;
  let folder: TemporaryFolder;
  let guests: TroveGuests;
  let check: HealthCheckUnderTest;
  let gateway: Gateway;
  let prometheus: PrometheusServer;
  const log: string[] = [];

  beforeAll(async () => {
    stack = new AsyncDisposableStack();
    folder = stack.adopt(new TemporaryFolder('prometheus'), (made) => made.remove());
    const broker = await TestBroker.create();
    stack.defer(() => broker.delete());
    const host = await TroveGuests.host({ brokerUrl: broker.url });
    if (!host) throw new Error('No Trove guests here');
    guests = stack.adopt(host, (all) => all.end());
    for (const id of [UP, DOWN]) await guests.start(id);
    const state = { FLEET_STATE_URL: pathToFileURL(folder.file('state.json')).href };
    const settings = { BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: broker.managementUrl, ...state };
    const quick = { RPC_TIMEOUT_SECONDS: '1', NO_CONSUMER_GRACE_SECONDS: '0.1', CONTROL_PLANE_TOPICS: '' };
    check = stack.use(await HealthCheckUnderTest.start({ ...settings, ...quick }));
    await check.sweep();
    const keystone = stack.use(await KeystoneStandIn.start(vouchFor()));
    const local = { name: 'fleet', bundlePath: await bundle('fleet'), timeoutMs: 10_000 };
    const fleet = await LambdaProcess.start(local, { ...state, KEYSTONE_URL: keystone.url }, (line) =>
      log.push(line),
    );
    stack.defer(() => fleet.end());
    const invoke = (event: object) => fleet.invoke(event);
    gateway = await Gateway.listen(invoke, { fleet: invoke });
    stack.defer(() => gateway.close());
    writeFileSync(folder.file('token'), 'gAAAAA\n');
    writeFileSync(folder.file('prometheus.yml'), inSeconds('prometheus.yml'));
    writeFileSync(folder.file('prometheus-rules.yml'), inSeconds('prometheus-rules.yml'));
    prometheus = await PrometheusServer.start(folder.file('prometheus.yml'), folder.file('data'));
    stack.defer(() => prometheus.end());
  }, 180_000);
  afterAll(() => stack.disposeAsync());

  /** A file of infra/monitoring for the gateway, with seconds in place of minutes. */
  function inSeconds(name: string): string {
    const { host } = new URL(gateway.url);
    const text = readFileSync(join(MONITORING, name), 'utf8')
      .replaceAll('API_ID.execute-api.REGION.amazonaws.com', host)
      .replaceAll('/etc/prometheus/token', folder.file('token'))
      .replaceAll(`https://${host}`, `http://${host}`)
      .replaceAll('scheme: https', 'scheme: http')
      .replaceAll(/scrape_(interval|timeout): \d+s/g, 'scrape_$1: 1s')
      .replaceAll(/for: \d+m/g, 'for: 3s');
    return name === 'prometheus.yml' ? `global: { evaluation_interval: 1s }\n${text}` : text;
  }

  async function scrape(accept: string): Promise<string> {
    const headers = { accept, authorization: 'Bearer gAAAAA' };
    return (await fetch(`${gateway.url}/fleet`, { headers })).text();
  }

  const valuesOf = (samples: readonly Sample[]) =>
    Object.fromEntries(samples.map(({ metric, value: [, value] }) => [metric['instance_id'], value]));

  test('promtool finds nothing to say of the files and of the metrics', async () => {
    expect(promtool(['check', 'config', folder.file('prometheus.yml')])).toContain('SUCCESS: 5 rules found');
    expect(promtool(['check', 'metrics'], await scrape('text/plain'))).toBe('');
    expect(() => promtool(['check', 'metrics'], 'rpc_ping_reachable{ 1\n')).toThrow('error while linting');
  });

  test('both guests are scraped, as OpenMetrics, with the token of a file', async () => {
    const samples = await eventually(
      () => prometheus.query('rpc_ping_reachable'),
      ({ length }) => length === 2,
    );
    expect(valuesOf(samples)).toEqual({ [UP]: '1', [DOWN]: '1' });
    expect(valuesOf(await prometheus.query('rpc_ping_round_trip_seconds > 0'))).toHaveProperty([UP]);
    const scrapes = log
      .map((line) => JSON.parse(line))
      .filter(({ path, outcome }) => path === '/fleet' && outcome === 'ok');
    expect(scrapes.at(-1)).toMatchObject({ type: 'application/openmetrics-text', user_name: 'boss' });
    expect(await prometheus.query('up{job="guest-rpc-ping"}')).toMatchObject([
      { value: [expect.anything(), '1'] },
    ]);
  });

  test('http_sd has a target for the ping of each guest', async () => {
    const targets = await eventually(
      () => prometheus.targets('trove-guests'),
      ({ length }) => length === 2,
    );
    const path = `/v1.0/tenant/mgmt/instances/${UP}/rpc_ping`;
    expect(targets).toContainEqual(
      expect.objectContaining({
        instance_id: UP,
        instance: gateway.url + path,
        scrapeUrl: expect.stringContaining(encodeURIComponent(path)),
      }),
    );
  });

  test('an alert is pending, then fires, and resolves when the guest is back', async () => {
    const alerts = () => prometheus.alerts('TroveGuestUnreachable');
    await guests.stop(DOWN);
    await check.sweep({}, NO_TIME_TO_RETURN_MS);
    const [pending] = await eventually(alerts, ({ length }) => length === 1);
    expect(pending).toMatchObject({ state: 'pending', labels: { instance_id: DOWN, severity: 'warning' } });
    const [firing] = await eventually(alerts, ([alert]) => alert?.state === 'firing');
    expect(firing).toMatchObject({
      labels: { instance_id: DOWN },
      annotations: {
        summary: expect.stringContaining(DOWN),
        description: expect.stringMatching('^no_consumer: '),
      },
    });
    expect(valuesOf(await prometheus.query('time() - rpc_ping_since_seconds < 60'))).toHaveProperty([DOWN]);
    await guests.start(DOWN);
    await check.sweep();
    expect(await eventually(alerts, ({ length }) => length === 0)).toEqual([]);
  }, 120_000);

  test("each of the dashboard's expressions has a result", async () => {
    const dashboard = JSON.parse(readFileSync(join(MONITORING, 'grafana-dashboard.json'), 'utf8'));
    const targets = dashboard.panels.flatMap(({ targets: all }: { targets: { expr: string }[] }) => all);
    expect(targets.length).toBeGreaterThan(8);
    await guests.stop(DOWN);
    await check.sweep({}, NO_TIME_TO_RETURN_MS);
    await eventually(
      () => prometheus.query('rpc_ping_since_seconds'),
      ({ length }) => length === 1,
    );
    for (const { expr } of targets.filter(({ expr }: { expr: string }) => !expr.includes('control_plane')))
      expect([expr, (await prometheus.query(expr)).length > 0]).toEqual([expr, true]);
  });

  test('a state that is too old: nothing is shown of the guests, and an alert fires', async () => {
    const file = folder.file('state.json');
    const state = JSON.parse(readFileSync(file, 'utf8'));
    state.sweep.at = new Date(Date.now() - 86_400_000).toISOString();
    writeFileSync(file, JSON.stringify(state));
    const series = () => prometheus.query('{__name__=~"rpc_ping_.+"}');
    expect(await eventually(series, ({ length }) => length === 0)).toEqual([]);
    const isFiring = ({ state: now }: { state: string }) => now === 'firing';
    await eventually(
      () => prometheus.alerts('GuestRpcPingStale'),
      (all) => all.some(isFiring),
    );
    expect((await prometheus.alerts('TroveGuestUnreachable')).length).toBe(0);
  }, 120_000);
});
