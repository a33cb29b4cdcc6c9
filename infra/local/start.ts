import { InvalidConfig, readConfig } from '../../functions/config.ts';
import { ROUTE } from '../../functions/request.ts';
import { bundle } from './bundle.ts';
import { type DemoGuest, demoGuests, startDemoGuests } from './demo-guests.ts';
import { Gateway } from './gateway.ts';
import { LambdaProcess } from './lambda-process.ts';
import { readable } from './log-line.ts';
import { startRabbitMq } from './rabbitmq.ts';
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
  const { controlExchange } = readConfig(isOwnBroker ? { ...settings, BROKER_URL: 'amqp://own' } : settings);
  const demo = isOwnBroker ? await startDemo(settings) : [];

  const bundlePath = await bundle('rpc-ping');
  const lambda = await LambdaProcess.start(bundlePath, settings, printLogLine);
  running.push(() => lambda.end());
  const gateway = await Gateway.listen(wantedPort, ROUTE, (event) => lambda.invoke(event));
  running.push(() => gateway.close());

  if (wantedPort !== 0 && gateway.port !== wantedPort) console.log(`Port ${wantedPort} is taken.`);
  console.log(`Guest RPC Ping listens on ${gateway.url}, control exchange "${controlExchange}".`);
  printCurls(gateway.url, demo);
  console.log('\nCtrl-C ends everything.\n');
}

/** Starts a private RabbitMQ, names it in the settings, and starts real Trove guests on it. */
async function startDemo(settings: Record<string, string>): Promise<DemoGuest[]> {
  console.log('Starting a private RabbitMQ …');
  const rabbit = await startRabbitMq();
  running.push(() => rabbit.stop());
  console.log(`${rabbit.description}, console on ${rabbit.managementUrl} (guest, guest).`);
  settings['BROKER_URL'] = rabbit.url;
  const { controlExchange, rpcTimeoutMs } = readConfig(settings);

  console.log('Starting the demo guests (real Trove guest agents) …');
  const host = await TroveGuests.host({ brokerUrl: rabbit.url, controlExchange });
  if (!host) {
    console.log("There are no demo guests: Debian's python3-trove cannot be installed here.");
    return [];
  }
  running.push(() => host.end());
  const guests = demoGuests(rpcTimeoutMs / 1000);
  await startDemoGuests(host, guests);
  return guests;
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

function printCurls(baseUrl: string, demo: readonly DemoGuest[]): void {
  const curl = (id: string) => `curl -i ${baseUrl}/v1.0/demo/mgmt/instances/${id}/rpc_ping`;
  for (const { title, id, answer } of demo) console.log(`\n# A guest that ${title} → ${answer}\n${curl(id)}`);
  if (demo.length === 0) console.log(`\n${curl('INSTANCE_ID')}`);
}

async function finish(exitCode: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  for (const end of running.reverse()) await end().catch((error) => console.error(error));
  process.exit(exitCode);
}
