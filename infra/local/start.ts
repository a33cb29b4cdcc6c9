import { pathToFileURL } from 'node:url';
import { KeyFile } from '../../functions/secrets/key-file.ts';
import { type Config, readConfig } from '../../functions/settings/config.ts';
import { readStateSettings } from '../../functions/settings/state-settings.ts';
import { InvalidConfig } from '../../functions/settings/variables.ts';
import { bundle } from '../bundle/bundle.ts';
import { type Demo, type Example, startDemo } from './demo/demo.ts';
import {
  demoOf,
  examplesForOwner,
  type KeystoneDemo,
  SHELL_VARIABLES,
  startKeystone,
} from './demo/keystone-demo.ts';
import { TenantFunctions } from './demo/tenant-functions.ts';
import { localPage } from './parts/browser-page.ts';
import { namesBroker, type Settings, settingsOf } from './parts/function-settings.ts';
import { Gateway, type Page } from './parts/gateway.ts';
import { LambdaProcess } from './parts/lambda-process.ts';
import { startRabbitMq } from './parts/rabbitmq.ts';
import { announceSystem } from './parts/running-systems.ts';
import { SWEEP_EVERY_MINUTES, Sweeps } from './parts/schedule.ts';
import { Synthesized } from './parts/synthesized.ts';
import { TemporaryFolder } from './parts/temporary-folder.ts';
import { TroveGuests } from './parts/trove-guests.ts';
import { LogFormatter } from './terminal/log-line.ts';

// `npm start`: the whole system on this machine, until Ctrl-C; with `--keystone`, a Keystone in front of it.

/** How long the page may take, in milliseconds. */
const PAGE_TIMEOUT_MS = 10_000;

const formatter = new LogFormatter();

/** What to end, last started first. */
const running: (() => Promise<void>)[] = [];
let isEnding = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => finish(0));
try {
  await start();
} catch (error) {
  if (!isEnding) console.error(error instanceof Error ? error.message : error);
  await finish(1);
}

async function start(): Promise<void> {
  const stack = await Synthesized.stack();
  running.push(() => stack.remove());
  const ping = stack.function('rpc-ping');
  const settings = settingsOf(process.env, ping.environment);
  const wantedPort = readPort();
  const isOwnBroker = !namesBroker(settings);
  // Throws for wrong settings now, and not with the first ping.
  const config = readConfig(isOwnBroker ? { ...settings, BROKER_URL: 'amqp://own' } : settings);
  readStateSettings(settings);
  if (config.guestKeys && 'file' in config.guestKeys) await new KeyFile(config.guestKeys.file).key('');
  const demo = isOwnBroker ? await startOwnBroker(settings, config) : undefined;
  const guarded = await guard(settings, demo);
  const { examples = [], misconfigured } = guarded ?? demo ?? {};

  const common = { ...ownState(isOwnBroker), ...settings, ...demo?.settings };
  const functions = await TenantFunctions.start(ping, common, misconfigured, printLogLine);
  running.push(() => functions.end());
  const forget = await announceSystem(common);
  running.push(async () => forget());
  const pages = 'FLEET_STATE_URL' in common ? [await startPage(common)] : [];
  const gateway = await Gateway.listen(wantedPort, stack.route, (e) => functions.invoke(e), '2.0', pages);
  running.push(() => gateway.close());

  if (wantedPort !== 0 && gateway.port !== wantedPort) console.log(`Port ${wantedPort} is taken.`);
  console.log(`Guest RPC Ping listens on ${gateway.url}, control exchange "${config.controlExchange}".`);
  printCurls(gateway.url, examples);
  if (demo) printAlarm(demo);
  for (const { path } of pages) console.log(`\n# What is broken now, in a browser\n${gateway.url}${path}`);
  console.log('\nCtrl-C ends everything.\n');
  if (!isOwnBroker) return;
  const sweeps = await Sweeps.start(stack.function('health-check'), common, printLogLine);
  running.push(() => sweeps.end());
}

/** The state of a private broker's fleet, which ends with that broker; `npm run health-check` goes on with it meanwhile. */
function ownState(isOwnBroker: boolean): Settings {
  if (!isOwnBroker) return {};
  const folder = new TemporaryFolder('fleet-state');
  running.push(() => folder.remove());
  return {
    FLEET_STATE_URL: pathToFileURL(folder.file('fleet-state.json')).href,
    HEALTH_CHECK_RATE_MINUTES: String(SWEEP_EVERY_MINUTES),
  };
}

/** Starts the function that shows the state of the fleet. */
async function startPage(settings: Settings): Promise<Page> {
  // Not the stack's own: the stack has none where it keeps no state.
  const local = { name: 'fleet-page', bundlePath: await bundle('fleet-page'), timeoutMs: PAGE_TIMEOUT_MS };
  const lambda = await LambdaProcess.start(local, settings, printLogLine);
  running.push(() => lambda.end());
  return localPage(lambda);
}

/** Starts a private RabbitMQ, names it in the settings, and starts real Trove guests on it. */
async function startOwnBroker(settings: Record<string, string>, config: Config): Promise<Demo | undefined> {
  console.log('Starting a private RabbitMQ …');
  const rabbit = await startRabbitMq();
  running.push(() => rabbit.stop());
  console.log(`${rabbit.description}, console on ${rabbit.managementUrl} (guest, guest).`);
  settings['BROKER_URL'] = rabbit.url;
  settings['BROKER_MANAGEMENT_URL'] = rabbit.managementUrl;

  console.log('Starting the demo guests (real Trove guest agents) …');
  const host = await TroveGuests.host({ brokerUrl: rabbit.url, controlExchange: config.controlExchange });
  if (!host) {
    console.log("There are no demo guests: Debian's python3-trove cannot be installed here.");
    return undefined;
  }
  running.push(() => host.end());
  const timeouts = { wait: config.rpcTimeoutMs / 1000, grace: config.noConsumerGraceMs / 1000 };
  const demo = await startDemo(host, rabbit, config.controlExchange, timeouts);
  running.push(() => demo.end());
  return demo;
}

/** Puts Keystone before the function: one of our own, or the one that the settings name. */
async function guard(
  settings: Record<string, string>,
  demo: Demo | undefined,
): Promise<KeystoneDemo | undefined> {
  const isOwnKeystone = process.argv.includes('--keystone');
  if (settings['KEYSTONE_URL'] !== undefined) {
    if (isOwnKeystone) throw new InvalidConfig('--keystone and KEYSTONE_URL exclude each other');
    console.log(
      `Keystone on ${settings['KEYSTONE_URL']} says who may ping. The shell gets a token by\n${SHELL_VARIABLES}`,
    );
    return { examples: examplesForOwner(demo), misconfigured: new Map() };
  }
  if (!isOwnKeystone) return undefined;
  console.log('Starting a private Keystone …');
  const keystone = await startKeystone();
  running.push(() => keystone.stop());
  console.log(
    `Keystone on ${keystone.url}, users demo-admin and demo-member; a password is its user's name.`,
  );
  settings['KEYSTONE_URL'] = keystone.url;
  return demoOf(keystone, demo);
}

function readPort(): number {
  const port = Number(process.env['PORT'] || 8779);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidConfig('PORT is not a port number');
  return port;
}

function printLogLine(line: string): void {
  const text = formatter.format(line);
  if (text !== undefined) console.log(text);
}

function printCurls(baseUrl: string, examples: readonly Example[]): void {
  const curl = (tenant: string, id: string, token?: string) => {
    const header = token === undefined ? '' : ` -H "X-Auth-Token: ${token}"`;
    return `curl -i${header} ${baseUrl}/v1.0/${tenant}/mgmt/instances/${id}/rpc_ping`;
  };
  for (const { title, tenant, id, token, answer } of examples)
    console.log(`\n# ${title} → ${answer}\n${curl(tenant, id, token)}`);
  if (examples.length === 0) console.log(`\n${curl('TENANT', 'INSTANCE_ID')}`);
}

function printAlarm({ alarm }: Demo): void {
  if (alarm === undefined) return;
  console.log(
    `\n# Any guest, while the broker has a memory alarm → 400 after 1 s: broker_blocked\n${alarm.raise}`,
  );
  console.log(`# Back to normal\n${alarm.clear}`);
}

async function finish(exitCode: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  for (const end of running.reverse()) await end().catch((error) => console.error(error));
  process.exit(exitCode);
}
