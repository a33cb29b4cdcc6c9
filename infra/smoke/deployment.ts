import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { parseSafeUrl } from '../../functions/settings/variables.ts';
import { asking, CONNECTION } from '../terminal/aws-error.ts';

/** The parts of a deployment that the proof needs. */
export interface Deployment {
  /** The API's URL, without a slash at the end. */
  readonly url: string;
  /** The name of the health check's function; undefined where only a URL was given. */
  readonly healthCheck?: string;
  /** The output `ApiArn`, which a caller needs `execute-api:Invoke` on. */
  readonly apiArn?: string | undefined;
  /** The output `RpcPingLog`, the log group of the function that answers the ping. */
  readonly pingLog?: string | undefined;
}

/** Reads a stack's outputs. @throws Error that says what to do */
export async function deploymentOf(stack: string): Promise<Deployment> {
  const cloudFormation = new CloudFormation(CONNECTION);
  const { Stacks: stacks = [] } = await asking(
    `The outputs of the stack ${stack} cannot be read`,
    cloudFormation.describeStacks({ StackName: stack }),
  );
  const outputs = new Map(stacks[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
  const [url, apiArn, pingLog] = ['Url', 'ApiArn', 'RpcPingLog'].map((name) => outputs.get(name));
  if (url === undefined)
    throw new Error(
      `The stack ${stack} has no output Url: its deployment has not ended, or it is another stack. ` +
        `Look at \`aws cloudformation describe-stack-events --stack-name ${stack}\`.`,
    );
  return { url: apiUrl(url), healthCheck: `${stack}-health-check`, apiArn, pingLog };
}

/**
 * The URL of an API, without a slash at the end. A signed request may carry a session token, so the URL must be https,
 * or lead to this machine.
 *
 * @throws Error for any other
 */
export function apiUrl(text: string): string {
  const url = parseSafeUrl(text);
  if (url === undefined)
    throw new Error(
      `${text} is not a URL of the API: https://…, or http:// on this machine, without a login in it.`,
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
