import { Keystone } from '../parts/keystone.ts';
import type { Demo, Example } from './demo.ts';

/** What `npm start` shows where Keystone says who a caller is. */
export interface KeystoneDemo {
  readonly examples: readonly Example[];
  /** As {@link Demo.misconfigured}, by the ids of projects. */
  readonly misconfigured: Demo['misconfigured'];
}

/** The user's own guest, where there are no demo guests. */
const ANY_GUEST: Example = {
  title: 'A guest of yours',
  id: 'INSTANCE_ID',
  tenant: 'demo',
  answer: '204, or 400 and the reason',
};

/**
 * Makes a project for each tenant of the demo, an admin in all of them, and a member of the first.
 *
 * @returns the demo's examples with the admin's tokens, and some of who is not let in
 */
export async function demoOf(keystone: Keystone, demo: Demo | undefined): Promise<KeystoneDemo> {
  const admin = await keystone.createUser('demo-admin');
  const examples: Example[] = [];
  const misconfigured = new Map<string, Readonly<Record<string, string>>>();
  const projects = new Map<string, { readonly id: string; readonly token: string }>();
  const projectOf = async (name: string) => {
    const known = projects.get(name);
    if (known !== undefined) return known;
    const id = await keystone.createProject(name);
    await keystone.grant(admin, 'admin', `projects/${id}`);
    const made = { id, token: await keystone.login('demo-admin', { project: { id } }) };
    projects.set(name, made);
    return made;
  };
  for (const example of demo?.examples ?? [ANY_GUEST]) {
    const { id: tenant, token } = await projectOf(example.tenant);
    const settings = demo?.misconfigured.get(example.tenant);
    if (settings !== undefined) misconfigured.set(tenant, settings);
    examples.push({ ...example, tenant, token });
  }

  const { id: tenant } = await projectOf('demo');
  const member = await keystone.createUser('demo-member');
  await keystone.grant(member, 'member', `projects/${tenant}`);
  const memberToken = await keystone.login('demo-member', { project: { id: tenant } });
  const { token: foreignToken } = await projectOf('another');
  const { id } = examples[0] ?? ANY_GUEST;
  examples.push(
    { title: 'Nobody', id, tenant, answer: '401' },
    { title: 'A member of the project', id, tenant, token: memberToken, answer: '401: no admin' },
    { title: 'An admin of another project', id, tenant, token: foreignToken, answer: '403' },
  );
  return { examples, misconfigured };
}

/** The demo's examples for whom a Keystone of the user's own knows, with the shell's variables for what that is. */
export function examplesForOwner(demo: Demo | undefined): Example[] {
  const examples = demo?.examples.filter(({ tenant }) => !demo.misconfigured.has(tenant)) ?? [ANY_GUEST];
  return examples.map((example) => ({ ...example, tenant: '$OS_PROJECT_ID', token: '$OS_TOKEN' }));
}

/** How a shell gets to know them. */
export const SHELL_VARIABLES = [
  'export OS_TOKEN=$(openstack token issue -f value -c id)',
  'export OS_PROJECT_ID=$(openstack token issue -f value -c project_id)',
].join('\n');

/** Starts a Keystone of our own. @throws where there is no way to */
export async function startKeystone(): Promise<Keystone> {
  const keystone = await Keystone.start();
  if (!keystone) throw new Error("There is no Keystone: Debian's python3-keystone cannot be installed here.");
  return keystone;
}
