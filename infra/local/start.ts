import { type Config, InvalidConfig, readConfig } from '../../functions/config.ts';
import { readKeyFile } from '../../functions/guest/key-file.ts';
import { ROUTE } from '../../functions/request.ts';
import { type Demo, type Example, startDemo } from './demo.ts';
import { Gateway } from './gateway.ts';
import { readable } from './log-line.ts';
import { startRabbitMq } from './rabbitmq.ts';
import { TenantFunctions } from './tenant-functions.ts';
import { TroveGuests } from './trove-guests.ts';

// `npm start`: the whole system on this machine, until Ctrl-C.

/** The environment variables that are passed on to the function. */
const PASSED_ON = [
  'BROKER_URL',
  'BROKER_ENDPOINT',
  'BROKER_ID',
  'BROKER_SECRET_ID',
  'BROKER_VHOST',
  'CONTROL_EXCHANGE',
  'RPC_TIMEOUT_SECONDS',
  'NO_CONSUMER_GRACE_SECONDS',
  'GUEST_KEYS_FILE',
  'GUEST_KEY_SECRET_PREFIX',
  'NODE_EXTRA_CA_CERTS',
  'AWS_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  'AWS_ENDPOINT_URL_MQ',
];

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
  const settings = passedOn();
  const wantedPort = readPort();
  const isOwnBroker = !('BROKER_URL' in settings || 'BROKER_ENDPOINT' in settings || 'BROKER_ID' in settings);
  // Wrong settings are told now, not with the first ping.
  const config = readConfig(isOwnBroker ? { ...settings, BROKER_URL: 'amqp://own' } : settings);
  if (config.guestKeys && 'file' in config.guestKeys) await readKeyFile(config.guestKeys.file, '');
  const demo = isOwnBroker ? await startOwnBroker(settings, config) : undefined;

  const functions = await TenantFunctions.start(
    { ...settings, ...demo?.settings },
    demo?.misconfigured,
    printLogLine,
  );
  running.push(() => functions.end());
  const gateway = await Gateway.listen(wantedPort, ROUTE, (event) => functions.invoke(event));
  running.push(() => gateway.close());

  if (wantedPort !== 0 && gateway.port !== wantedPort) console.log(`Port ${wantedPort} is taken.`);
  console.log(`Guest RPC Ping listens on ${gateway.url}, control exchange "${config.controlExchange}".`);
  printCurls(gateway.url, demo?.examples ?? []);
  if (demo) printAlarm(demo);
  console.log('\nCtrl-C ends everything.\n');
}

/** Starts a private RabbitMQ, names it in the settings, and starts real Trove guests on it. */
async function startOwnBroker(settings: Record<string, string>, config: Config): Promise<Demo | undefined> {
  console.log('Starting a private RabbitMQ …');
  const rabbit = await startRabbitMq();
  running.push(() => rabbit.stop());
  console.log(`${rabbit.description}, console on ${rabbit.managementUrl} (guest, guest).`);
  settings['BROKER_URL'] = rabbit.url;

  console.log('Starting the demo guests (real Trove guest agents) …');
  const host = await TroveGuests.host({ brokerUrl: rabbit.url, controlExchange: config.controlExchange });
  if (!host) {
    console.log("There are no demo guests: Debian's python3-trove cannot be installed here.");
    return undefined;
  }
  running.push(() => host.end());
  const timeouts = { wait: config.rpcTimeoutMs / 1000, grace: config.noConsumerGraceMs / 1000 };
  const demo = await startDemo(host, rabbit, timeouts);
  running.push(() => demo.end());
  return demo;
}

function passedOn(): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value) settings[name] = value;
  }
  return settings;
}

function readPort(): number {
  const port = Number(process.env['PORT'] || 8779);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidConfig('PORT is not a port number');
  return port;
}

function printLogLine(line: string): void {
  const text = readable(line);
  if (text !== undefined) console.log(text);
}

function printCurls(baseUrl: string, examples: readonly Example[]): void {
  const curl = (tenant: string, id: string) =>
    `curl -i ${baseUrl}/v1.0/${tenant}/mgmt/instances/${id}/rpc_ping`;
  for (const { title, tenant, id, answer } of examples)
    console.log(`\n# ${title} → ${answer}\n${curl(tenant, id)}`);
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
