import type { Context } from 'aws-lambda';

/** Who asked for a ping, where Keystone says so: names of the token's project and user. */
export interface Caller {
  readonly projectName: string | undefined;
  readonly userName: string;
}

/** Lambda's context, with the caller in it where Keystone was asked. */
export type CallerContext = Context & { caller?: Caller };

/** A caller's fields in a log line. */
export function callerFields({ projectName, userName }: Caller): object {
  return { project_name: projectName, user_name: userName };
}
