import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { bundle } from '../../infra/bundle/bundle.ts';
import { ensureDebianPackages } from '../../infra/local/parts/debian-packages.ts';
import { Gateway } from '../../infra/local/parts/gateway.ts';
import { Keystone } from '../../infra/local/parts/keystone.ts';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { authtokenConfig, TroveApiServer } from '../../infra/local/parts/trove-api-server.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import type { Subjects } from './contract.ts';
import { type Run, run } from './run.ts';

const [KEY, OTHER_KEY] = ['a key that only the suite uses', 'another key'];
const PROJECT = 'databases';

/** What implements the call. */
export type Name = 'ours' | 'ours with Keystone' | 'Trove';

interface Started {
  readonly url: string;
  end(): Promise<void>;
}

/**
 * Runs the suite against implementations beside real guests of the Debian that is run (`DEBIAN_ROOT`), with a real RabbitMQ
 * and, but for `ours`, a real Keystone of this machine.
 */
export async function runHere(names: readonly Name[]): Promise<Map<Name, Run>> {
  await using parts = new AsyncDisposableStack();
  const rabbit = await RabbitMqServer.start([]);
  parts.defer(() => rabbit.stop());
  const guests = await TroveGuests.host({ brokerUrl: rabbit.url });
  if (!guests) throw new Error('No Trove guests here');
  parts.defer(() => guests.end());
  const subjects = await startGuests(guests);
  const folder = new TemporaryFolder('conformance');
  parts.defer(() => folder.remove());
  const keys = { [subjects.encrypted]: KEY, [subjects.other_key]: OTHER_KEY };
  await writeFile(folder.file('keys.json'), JSON.stringify(keys));
  const settings = { BROKER_URL: rabbit.url, GUEST_KEYS_FILE: folder.file('keys.json') };
  const keystone = names.some((name) => name !== 'ours') ? await startKeystone() : undefined;
  parts.defer(async () => keystone?.server.stop());

  const start: Record<Name, () => Promise<Started>> = {
    ours: () => startOurs(settings),
    'ours with Keystone': () => startOurs({ ...settings, KEYSTONE_URL: keystone?.server.url ?? '' }),
    Trove: () => {
      const known = Object.fromEntries(Object.values(subjects).map((id) => [id, null]));
      return TroveApiServer.start(
        rabbit.url,
        { ...known, ...keys },
        authtokenConfig(keystone?.server.url ?? '', PROJECT),
      );
    },
  };
  const runs = new Map<Name, Run>();
  for (const name of names) {
    const implementation = await start[name]();
    const callers = name === 'ours' || !keystone ? { tenant: 'demo' } : keystone.callers;
    runs.set(name, await run(implementation.url, { ...subjects, ...callers }));
    await implementation.end();
  }
  return runs;
}

async function startOurs(settings: Readonly<Record<string, string>>): Promise<Started> {
  const local = { name: 'rpc-ping', bundlePath: await bundle('rpc-ping'), timeoutMs: 20_000 };
  const lambda = await LambdaProcess.start(local, settings, () => undefined);
  const gateway = await Gateway.listen((event) => lambda.invoke(event));
  const end = async () => {
    await gateway.close();
    await lambda.end();
  };
  return { url: gateway.url, end };
}

async function startGuests(guests: TroveGuests) {
  const ids = {
    reachable: randomUUID() as string,
    encrypted: randomUUID() as string,
    down: randomUUID() as string,
    raising: randomUUID() as string,
    other_key: randomUUID() as string,
  };
  await guests.start(ids.reachable);
  await guests.start(ids.encrypted, { key: KEY });
  await guests.start(ids.raising, { raise: 'builtin' });
  await guests.start(ids.other_key, { key: 'the key that the guest has' });
  await guests.start(ids.down);
  await guests.stop(ids.down);
  return ids;
}

async function startKeystone(): Promise<{ readonly server: Keystone; readonly callers: Subjects }> {
  ensureDebianPackages('python3-keystonemiddleware');
  const server = await Keystone.start();
  if (!server) throw new Error('No Keystone here');
  const tenant = await server.createProject(PROJECT);
  for (const [name, role] of [
    ['boss', 'admin'],
    ['clerk', 'member'],
    ['trove', 'admin'],
  ] as const)
    await server.grant(await server.createUser(name), role, `projects/${tenant}`);
  const scope = { project: { id: tenant } };
  const [token, member_token, unscoped_token] = [
    await server.login('boss', scope),
    await server.login('clerk', scope),
    await server.login('boss', 'unscoped'),
  ];
  return { server, callers: { tenant, token, member_token, unscoped_token } };
}
