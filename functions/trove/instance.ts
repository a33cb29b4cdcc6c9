import { INSTANCE_ID } from '../guest/topic.ts';

/** An instance of Trove's, as its management API describes it. Texts are safe to show anywhere: see {@link shown}. */
export interface TroveInstance {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  /** Such as `ACTIVE`, `HEALTHY`, `BUILD`; empty where Trove does not say. */
  readonly status: string;
  /** Nova's name of the host, or, where Trove does not see that, the first 12 digits of Nova's `hostId`. */
  readonly hypervisor?: string;
  /** Such as `mysql 8.0`. */
  readonly datastoreVersion?: string;
}

const MAX_LENGTH = 64;

/** @returns undefined where the value names no instance; a text that is missing is empty */
export function parseInstance(value: unknown): TroveInstance | undefined {
  const { id, name, tenant_id: projectId, status, server, datastore } = Object(value);
  if (typeof id !== 'string' || !INSTANCE_ID.test(id)) return undefined;
  const hypervisor = shown(Object(server).host).replace(/^([0-9a-f]{12})[0-9a-f]{44}$/, '$1');
  const { type, version } = Object(datastore);
  const datastoreVersion = shown([type, version].filter((part) => typeof part === 'string').join(' '));
  return {
    id,
    name: shown(name),
    projectId: shown(projectId),
    status: shown(status),
    ...(hypervisor && { hypervisor }),
    ...(datastoreVersion && { datastoreVersion }),
  };
}

/**
 * A text that a tenant may have chosen, for logs, mails and pages: of bounded length, with `_` in place of control
 * characters, quotes, backslashes and angle brackets.
 */
function shown(text: unknown): string {
  if (typeof text !== 'string') return '';
  return text.slice(0, MAX_LENGTH).replaceAll(/[\p{C}\p{Zl}\p{Zp}"'\\<>]/gu, '_');
}
