import type { Example } from './demo.ts';
import type { KeystoneDemo } from './keystone-demo.ts';

/** What is running, as far as it can be tried. */
export interface RunningDemo {
  /** Of the gateway. */
  readonly url: string;
  /** Of the fleet, for a browser. */
  readonly pageUrl: string;
  /** undefined: the user's own guests. */
  readonly examples: readonly Example[] | undefined;
  /** What the private broker's guests log. */
  readonly agentLog: string | undefined;
  readonly keystone: KeystoneDemo | undefined;
  /** How a shell calls `rabbitmqctl` on the private broker, where there is one. */
  readonly rabbitmqctl: string | undefined;
  readonly sweepEveryMinutes: number;
}

const OWN_GUEST: Example = {
  title: 'A guest of yours',
  id: 'INSTANCE_ID',
  answer: '204, or 400 and the reason',
};

/** What a person can do next: calls to copy, each with the answer to expect, and what is printed below them. */
export function instructions(running: RunningDemo): string {
  return [
    ...calls(running),
    ...brokerCommands(running),
    ...agentLog(running),
    `# What is broken now, in a browser\n${running.pageUrl}`,
    whatComesNext(running),
    'Ctrl-C ends everything.\n',
  ].join('\n\n');
}

function calls({ url, examples = [OWN_GUEST], keystone }: RunningDemo): string[] {
  const [first = OWN_GUEST] = examples;
  const call = ({ title, id, answer }: Example, token: string | undefined) => {
    const header = token === undefined ? '' : ` -H "X-Auth-Token: $${token}"`;
    const path = `/v1.0/${keystone?.tenant ?? 'demo'}/mgmt/instances/${id}/rpc_ping`;
    return `# ${title} → ${answer}\ncurl -i${header} ${url}${path}`;
  };
  const tokens = keystone ? [`# First, once: callers need a token of Keystone\n${keystone.shell}`] : [];
  const refused = keystone?.refused.map(({ token, ...example }) => call({ ...example, id: first.id }, token));
  return [...tokens, ...examples.map((each) => call(each, keystone && 'TOKEN')), ...(refused ?? [])];
}

function brokerCommands({ rabbitmqctl }: RunningDemo): string[] {
  if (rabbitmqctl === undefined) return [];
  const watermark = `${rabbitmqctl} set_vm_memory_high_watermark`;
  return [
    `# The broker's own view, as the runbook asks for it\n${rabbitmqctl} list_queues name consumers messages`,
    `# Any guest, while the broker has a memory alarm → 400 after 1 s: broker_blocked\n${watermark} 0.000001`,
    `# Back to normal\n${watermark} 0.4`,
  ];
}

function agentLog({ agentLog: file }: RunningDemo): string[] {
  if (file === undefined) return [];
  return [`# The agents' own log: each ping by its X-OpenStack-Request-Id\ngrep req-… ${file}`];
}

function whatComesNext({ sweepEveryMinutes, examples }: RunningDemo): string {
  const every = sweepEveryMinutes < 1 ? `${sweepEveryMinutes * 60} s` : `${sweepEveryMinutes} min`;
  const next = `Below: a line for each call, and every ${every} a line for a sweep of all guests, with what has changed.`;
  if (examples === undefined) return next;
  const broken = examples
    .filter(({ answer }) => answer.startsWith('400'))
    .map(({ id }) => Number(id.slice(-12)));
  return `${next} Broken on purpose: the guests ${broken.join(', ')}, and 11 now and then, by the last digits of their ids.`;
}
