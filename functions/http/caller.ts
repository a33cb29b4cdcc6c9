import type { Context } from 'aws-lambda';
import type { Hops } from '../time/hops.ts';

/** Who asked for a ping, where Keystone says so: names of the token's project and user. */
export interface Caller {
  readonly projectName: string | undefined;
  readonly userName: string;
}

/** Lambda's context, with the caller in it where Keystone was asked, and the hops of the request so far. */
export type CallerContext = Context & { caller?: Caller; hops?: Hops };

/** A caller's fields in a log line. */
export function callerFields({ projectName, userName }: Caller): object {
  return { project_name: projectName, user_name: userName };
}
