import { writeFile } from 'node:fs/promises';
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

/**
 * Starts Trove's own API, with most of the demo's guests as instances in several states.
 *
 * @param running gets what is to be ended
 * @returns its URL, and what the health check must know of it
 */
export async function startTroveDemo(
  brokerUrl: string,
  examples: readonly Example[],
  keystone: Keystone,
  running: AsyncDisposableStack,
) {
  const folder = new TemporaryFolder('trove');
  running.defer(() => folder.remove());
  const project = await keystone.createProject('databases');
  for (const user of ['trove', 'sweeper'])
    await keystone.grant(await keystone.createUser(user), 'admin', `projects/${project}`);
  const file = folder.file('credential.json');
  await writeFile(file, JSON.stringify(await keystone.createApplicationCredential('sweeper', project)));
  const known = examples.flatMap(({ id }, index) => (INSTANCES[index] ? [{ id, ...INSTANCES[index] }] : []));
  const keys = Object.fromEntries(known.map(({ id }) => [id, null]));
  const trove = await TroveApiServer.start(brokerUrl, keys, authtokenConfig(keystone.url, 'databases'));
  running.defer(() => trove.end());
  for (const { id, name, task } of known) {
    trove.sql('UPDATE instances SET name = ? WHERE id = ?', name, id);
    if (task) trove.sql('UPDATE instances SET task_id = ? WHERE id = ?', String(TASKS[task]), id);
  }
  const { url } = trove;
  const settings = { TROVE_URL: `${url}/v1.0`, TROVE_CREDENTIALS_FILE: file, KEYSTONE_URL: keystone.url };
  return { url, settings };
}
