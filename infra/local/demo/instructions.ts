import { shellWord } from '../../terminal/shell-word.ts';
import { PAGE_PATH } from '../parts/browser-page.ts';
import type { RabbitMq } from '../parts/rabbitmq.ts';
import type { Demo, Example } from './demo.ts';
import type { KeystoneDemo } from './keystone-demo.ts';

/** What is running, as far as it can be tried. */
export interface RunningDemo {
  readonly url: string;
  /** The guests on the private broker; undefined: the user's own guests. */
  readonly demo: Demo | undefined;
  readonly keystone: KeystoneDemo | undefined;
  readonly rabbit: RabbitMq | undefined;
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
    `# What is broken now, in a browser\n${running.url}${PAGE_PATH}`,
    whatComesNext(running),
    'Ctrl-C ends everything.\n',
  ].join('\n\n');
}

function calls({ url, demo, keystone }: RunningDemo): string[] {
  const examples = demo?.examples ?? [OWN_GUEST];
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

function brokerCommands({ rabbit }: RunningDemo): string[] {
  if (rabbit?.ctlCommand === undefined) return [];
  const rabbitmqctl = shellWord(rabbit.ctlCommand);
  const watermark = `${rabbitmqctl} set_vm_memory_high_watermark`;
  return [
    `# The broker's own view, as the runbook asks for it\n${rabbitmqctl} list_queues name consumers messages`,
    `# Any guest, while the broker has a memory alarm → 400 after 1 s: broker_blocked\n${watermark} 0.000001`,
    `# Back to normal\n${watermark} 0.4`,
  ];
}

function agentLog({ demo }: RunningDemo): string[] {
  return demo
    ? [
        `# The agents' own log: each ping by its X-OpenStack-Request-Id\ngrep req-… ${shellWord(demo.logFile)}`,
      ]
    : [];
}

function whatComesNext({ sweepEveryMinutes, demo }: RunningDemo): string {
  const every = sweepEveryMinutes < 1 ? `${sweepEveryMinutes * 60} s` : `${sweepEveryMinutes} min`;
  const next = `Below: a line for each call, and every ${every} a line for a sweep of all guests, with what has changed.`;
  if (demo === undefined) return next;
  const broken = demo.examples
    .filter(({ answer }) => answer.startsWith('400'))
    .map(({ id }) => Number(id.slice(-12)));
  return `${next} Broken on purpose: the guests ${broken.join(', ')}, and 11 now and then, by the last digits of their ids.`;
}
