import { writeFile } from 'node:fs/promises';
import type { FunctionSettings } from '../parts/function-settings.ts';
import type { Keystone } from '../parts/keystone.ts';
import { TemporaryFolder } from '../parts/temporary-folder.ts';
import { authtokenConfig, TroveApiServer } from '../parts/trove-api-server.ts';
import type { Example } from './demo.ts';

/** What Trove's list has of each guest of the demo, in their order; undefined: Trove does not know the instance. */
const INSTANCES: readonly ({ readonly name: string; readonly task?: keyof typeof TASKS } | undefined)[] = [
  { name: 'wiki' },
  undefined, // and it answers
  { name: 'billing', task: 'ERROR' }, // and it answers
  { name: 'shop' },
  { name: 'crm' },
  { name: 'blog', task: 'BUILD' },
  { name: 'search' },
  { name: 'vault' },
  undefined,
  { name: 'archive', task: 'REBOOT' },
  { name: 'orders' },
];

/** Numbers of Trove's tasks, by which an instance gets its status. */
const TASKS = { BUILD: 0x05, REBOOT: 0x03, ERROR: 0x51 } as const;

/** Trove's own API, which knows most of the demo's guests. */
export interface TroveDemo {
  readonly url: string;
  /** What the health check must know of it. */
  readonly settings: FunctionSettings;
  end(): Promise<void>;
}

/** Starts Trove's API, with the demo's guests as instances in several states. */
export async function startTroveDemo(
  brokerUrl: string,
  examples: readonly Example[],
  keystone: Keystone,
): Promise<TroveDemo> {
  const folder = new TemporaryFolder('trove');
  const project = await keystone.createProject('databases');
  for (const user of ['trove', 'sweeper'])
    await keystone.grant(await keystone.createUser(user), 'admin', `projects/${project}`);
  const file = folder.file('credential.json');
  await writeFile(file, JSON.stringify(await keystone.createApplicationCredential('sweeper', project)));
  const known = examples.flatMap(({ id }, index) => (INSTANCES[index] ? [{ id, ...INSTANCES[index] }] : []));
  const keys = Object.fromEntries(known.map(({ id }) => [id, null]));
  const trove = await TroveApiServer.start(brokerUrl, keys, authtokenConfig(keystone.url, 'databases'));
  for (const { id, name, task } of known) {
    trove.sql('UPDATE instances SET name = ? WHERE id = ?', name, id);
    if (task) trove.sql('UPDATE instances SET task_id = ? WHERE id = ?', String(TASKS[task]), id);
  }
  const settings = {
    TROVE_URL: `${trove.url}/v1.0`,
    TROVE_CREDENTIALS_FILE: file,
    KEYSTONE_URL: keystone.url,
  };
  const end = async () => {
    await trove.end();
    await folder.remove();
  };
  return { url: trove.url, settings, end };
}
