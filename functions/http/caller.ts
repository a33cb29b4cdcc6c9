import type { Context } from 'aws-lambda';
import type { Hops } from '../time/hops.ts';

/** Who asks, where Keystone says so: the token's project, and its user's name. */
export interface Caller {
  readonly projectId: string | undefined;
  readonly projectName: string | undefined;
  readonly userName: string;
}

/** Lambda's context, with the caller in it where Keystone was asked, and the hops of the request so far. */
export type CallerContext = Context & { caller?: Caller; hops?: Hops };

export function callerFields({ projectName, userName }: Caller): object {
  return { project_name: projectName, user_name: userName };
}
