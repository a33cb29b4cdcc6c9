import type { FunctionSettings } from '../parts/function-settings.ts';
import { Keystone } from '../parts/keystone.ts';
import type { Example } from './demo.ts';

/** What a caller sends where Keystone says who may ping. */
export interface KeystoneDemo {
  readonly tenant: string;
  /** Shell commands that set `TOKEN`, an admin's, and the other variables of the calls. */
  readonly shell: string;
  /** The callers that are not let in, each with the shell variable of its token, if it has one. */
  readonly refused: readonly (Omit<Example, 'id'> & { readonly token: string | undefined })[];
  /** What the functions must know of it. */
  readonly settings: FunctionSettings;
  /** Undefined: somebody else's. */
  readonly keystone?: Keystone;
}

/** @param running gets what is to be ended @throws where Keystone cannot be installed */
export async function startKeystone(running: AsyncDisposableStack): Promise<Keystone> {
  const keystone = await Keystone.start();
  if (!keystone) throw new Error("There is no Keystone: Debian's python3-keystone cannot be installed here.");
  running.defer(() => keystone.stop());
  return keystone;
}

/** Starts a Keystone with a project, an admin and a member of it, and an admin of another one. */
export async function startKeystoneDemo(running: AsyncDisposableStack): Promise<KeystoneDemo> {
  const keystone = await startKeystone(running);
  const tokenOf = async (user: string, role: string, project: string) => {
    await keystone.grant(await keystone.createUser(user), role, `projects/${project}`);
    return keystone.login(user, { project: { id: project } });
  };
  const project = await keystone.createProject('demo');
  const other = await keystone.createProject('other');
  const shell = [
    `export TOKEN=${await tokenOf('demo-admin', 'admin', project)}`,
    `export MEMBER_TOKEN=${await tokenOf('demo-member', 'member', project)}`,
    `export OTHER_TOKEN=${await tokenOf('other-admin', 'admin', other)}`,
  ].join('\n');
  const refused = [
    { title: 'Nobody', answer: '401', token: undefined },
    { title: 'A member of the project', answer: '401: not an admin', token: 'MEMBER_TOKEN' },
    { title: 'An admin of another project', answer: '403', token: 'OTHER_TOKEN' },
  ];
  const settings = { KEYSTONE_URL: keystone.url };
  return { tenant: project, shell, refused, settings, keystone };
}

/** For callers of the Keystone that the settings name. */
export const NAMED_KEYSTONE: KeystoneDemo = {
  tenant: '$PROJECT',
  shell: [
    'export TOKEN=$(openstack token issue -f value -c id)',
    'export PROJECT=$(openstack token issue -f value -c project_id)',
  ].join('\n'),
  refused: [],
  settings: {},
};
