import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { keyFile } from '../../functions/secrets/key-file.ts';
import { type Config, readConfig } from '../../functions/settings/config.ts';
import {
  readControlPlaneTopics,
  readPageSettings,
  readStateSettings,
} from '../../functions/settings/state-settings.ts';
import { readTroveSettings } from '../../functions/settings/trove-settings.ts';
import { InvalidConfig } from '../../functions/settings/variables.ts';
import { bundleAll } from '../bundle/bundle.ts';
import { BUNDLES } from '../bundle/bundles.ts';
import { run } from '../terminal/command.ts';
import { logFormatter } from '../terminal/log-line.ts';
import { underWay } from '../terminal/under-way.ts';
import { DEMO_RATE_MINUTES, type Demo, startDemo } from './demo/demo.ts';
import { instructions } from './demo/instructions.ts';
import { type KeystoneDemo, NAMED_KEYSTONE, startKeystone, startKeystoneDemo } from './demo/keystone-demo.ts';
import { startTroveDemo } from './demo/trove-demo.ts';
import { browserPage } from './parts/browser-page.ts';
import { ensureDebianPackages } from './parts/debian-packages.ts';
import { fleetStateUrl } from './parts/fleet-state-url.ts';
import { type FunctionSettings, namesBroker, settingsOf } from './parts/function-settings.ts';
import { Gateway } from './parts/gateway.ts';
import { LambdaProcess } from './parts/lambda-process.ts';
import { type RabbitMq, startRabbitMq } from './parts/rabbitmq.ts';
import { announceSystem } from './parts/running-systems.ts';
import { TemporaryFolder } from './parts/temporary-folder.ts';
import { TroveGuests } from './parts/trove-guests.ts';

// `npm start`: the whole system on this machine, until Ctrl-C; with `--keystone`, a Keystone in front of it; with `--trove`,
// Trove's API beside it, whose list says who should answer.

const USAGE = 'npm start [-- [--keystone] [--trove]]';
const FLAG = { type: 'boolean', default: false } as const;
const ARGUMENTS = { options: { keystone: FLAG, trove: FLAG } } as const;

/** How often the fleet of a named broker is swept. */
const RATE_MINUTES = 1;

/** How long an invocation may take, in milliseconds. */
const TIMEOUT_MS = { 'rpc-ping': 20_000, 'health-check': 300_000, 'fleet-page': 10_000, fleet: 10_000 };

/** Ctrl-C reaches what is being started as well, which may fail so long before it is heard of here, in milliseconds. */
const SIGNAL_LAG_MS = 250;

type Invoke = (event: unknown) => Promise<unknown>;

/** What to end, last started first. */
const running = new AsyncDisposableStack();
const format = logFormatter();
let isEnding = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => finish(0));
const failed = await run(USAGE, 1, ARGUMENTS, ({ values }) => start(values).catch(ignoreWhileEnding));
if (failed) await finish(failed);

async function start(options: Options): Promise<number> {
  const own = settingsOf(process.env);
  const port = readPort();
  await validate(own, options);
  const startingBroker = namesBroker(own) ? undefined : startBroker();
  const [rabbit] = await Promise.all([startingBroker, bundleAll()]);
  const common = { ...own, ...fleetSettings(own, rabbit) };
  const config = readConfig(common);
  const demo = rabbit && (await startGuests(rabbit, config));
  const keystone = await startCallers(own, options);
  const settings = { ...common, ...demo?.settings, ...keystone?.settings };
  const trove = options.trove ? await startTrove(rabbit, demo, keystone) : undefined;

  const pings = await startFunction('rpc-ping', settings);
  const sweeps = await startFunction('health-check', { ...settings, ...trove?.settings });
  const show = await startFunction('fleet-page', settings);
  const page = browserPage(show);
  const fleet = await startFunction('fleet', settings);
  const gateway = await Gateway.listen(pings, { port, fleet, page });
  running.defer(() => gateway.close());
  running.defer(announceSystem(gateway.url, { ...settings, ...trove?.settings }));

  const sweepEveryMinutes = Number(settings['HEALTH_CHECK_RATE_MINUTES']);
  const { url } = gateway;
  if (port !== 0 && gateway.port !== port) console.log(`Port ${port} is taken.`);
  console.log(`Guest RPC Ping listens on ${url}, control exchange "${config.controlExchange}".\n`);
  console.log(instructions({ url, demo, keystone, rabbit, sweepEveryMinutes }));
  sweepEvery(sweepEveryMinutes, sweeps);
  return 0;
}

/** Throws for wrong settings before anything is started, and not with the first ping. */
async function validate(settings: FunctionSettings, options: Options): Promise<void> {
  const named = namesBroker(settings) ? settings : { ...settings, BROKER_URL: 'amqp://own' };
  const { guestKeys, controlExchange } = readConfig(named);
  readPageSettings({ FLEET_STATE_URL: 'file:///state', ...settings });
  readStateSettings(settings);
  readControlPlaneTopics(settings, controlExchange);
  if (!options.keystone && !options.trove) readTroveSettings(settings);
  if (guestKeys && 'file' in guestKeys) await keyFile(guestKeys.file)('');
  if ('KEYSTONE_URL' in settings && options.keystone)
    throw new InvalidConfig('--keystone and KEYSTONE_URL exclude each other');
  if (options.trove && namesBroker(settings))
    throw new InvalidConfig('--trove needs the demo guests: unset BROKER_URL, BROKER_ENDPOINT and BROKER_ID');
}

type Options = Readonly<Record<'keystone' | 'trove', boolean>>;

function readPort(): number {
  const port = Number(process.env['PORT'] || 8779);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidConfig('PORT is not a port number');
  return port;
}

async function startBroker(): Promise<RabbitMq> {
  const rabbit = await underWay('Starting a private RabbitMQ', startRabbitMq());
  running.defer(() => rabbit.stop());
  console.log(`${rabbit.description}, console on ${rabbit.managementUrl} (guest, guest).`);
  return rabbit;
}

/** The saved state of a private broker's fleet is removed with the broker; that of a named broker's fleet is kept. */
function fleetSettings(own: FunctionSettings, rabbit: RabbitMq | undefined): FunctionSettings {
  if (!rabbit)
    return {
      FLEET_STATE_URL: own['FLEET_STATE_URL'] ?? fleetStateUrl(own),
      HEALTH_CHECK_RATE_MINUTES: own['HEALTH_CHECK_RATE_MINUTES'] ?? String(RATE_MINUTES),
    };
  const folder = new TemporaryFolder('fleet-state');
  running.defer(() => folder.remove());
  return {
    BROKER_URL: rabbit.url,
    BROKER_MANAGEMENT_URL: rabbit.managementUrl,
    FLEET_STATE_URL: pathToFileURL(folder.file('fleet-state.json')).href,
    HEALTH_CHECK_RATE_MINUTES: String(DEMO_RATE_MINUTES),
  };
}

/** Starts real Trove guests on the private broker. */
async function startGuests(rabbit: RabbitMq, config: Config): Promise<Demo | undefined> {
  const { controlExchange } = config;
  const host = await TroveGuests.host({ brokerUrl: rabbit.url, controlExchange });
  if (!host) {
    console.log("There are no demo guests: Debian's python3-trove cannot be installed here.");
    return undefined;
  }
  running.defer(() => host.end());
  const starting = startDemo(host, rabbit, config, running);
  return underWay('Starting the demo guests (real Trove guest agents)', starting);
}

/** Puts Keystone before the function: one of our own, or the one that the settings name. */
async function startCallers(own: FunctionSettings, options: Options): Promise<KeystoneDemo | undefined> {
  if ('KEYSTONE_URL' in own) return NAMED_KEYSTONE;
  if (!options.keystone) return undefined;
  return underWay('Starting a private Keystone', startKeystoneDemo(running));
}

/** Starts Trove's API for the demo's guests. It asks the Keystone of `--keystone`, or one that nobody else asks. */
async function startTrove(
  rabbit: RabbitMq | undefined,
  demo: Demo | undefined,
  callers: KeystoneDemo | undefined,
) {
  if (!rabbit || !demo) throw new InvalidConfig('--trove needs the demo guests');
  const keystone =
    callers?.keystone ?? (await underWay('Starting a private Keystone', startKeystone(running)));
  ensureDebianPackages('python3-keystonemiddleware');
  const starting = startTroveDemo(rabbit.url, demo.examples, keystone, running);
  const trove = await underWay("Starting Trove's API", starting);
  console.log(`Trove's API listens on ${trove.url}: what its list says stands beside what a sweep finds.`);
  return trove;
}

/** A function as on Lambda: when its process has ended, the next event starts another one. */
async function startFunction(name: keyof typeof TIMEOUT_MS, settings: FunctionSettings): Promise<Invoke> {
  const local = { name, bundlePath: join(BUNDLES, name, 'index.mjs'), timeoutMs: TIMEOUT_MS[name] };
  let lambda = await LambdaProcess.start(local, settings, printLogLine);
  running.defer(() => lambda.end());
  return async (event) => {
    if (lambda.hasEnded) lambda = await LambdaProcess.start(local, settings, printLogLine);
    return lambda.invoke(event);
  };
}

/** The schedule of this machine: at once, and then at a rate. */
function sweepEvery(minutes: number, invoke: Invoke): void {
  const sweep = () => void invoke({}).catch(() => undefined); // its log says why
  const timer = setInterval(sweep, minutes * 60_000);
  running.defer(() => clearInterval(timer));
  sweep();
}

function printLogLine(line: string): void {
  const text = format(line);
  if (text !== undefined) console.log(text);
}

/** What is being started fails when it is ended. */
async function ignoreWhileEnding(error: unknown): Promise<number> {
  await setTimeout(SIGNAL_LAG_MS);
  if (isEnding) return 0;
  throw error;
}

async function finish(exitCode: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  await running.disposeAsync().catch(console.error);
  process.exit(exitCode);
}
