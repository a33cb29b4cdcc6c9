import { type RabbitMq, RabbitMqServer, startRabbitMq } from '../../infra/local/parts/rabbitmq.ts';
import { ensureTrove } from '../../infra/local/parts/trove-guests.ts';
import { underWay } from '../../infra/terminal/under-way.ts';
import { Synthesized } from './synthesized.ts';

declare global {
  var rabbit: RabbitMq | undefined;
  var stack: Synthesized | undefined;
}

/** Starts the RabbitMQ that the test files share, each with a virtual host of its own, and synthesizes the stack. */
export default async function globalSetup(): Promise<void> {
  requireTrove();
  const starting = Promise.all([startRabbitMq(), Synthesized.inThread()]);
  const [rabbit, stack] = await underWay('Starting RabbitMQ and synthesizing the stack', starting);
  globalThis.rabbit = rabbit;
  globalThis.stack = stack;
  for (const name of ['rpc-ping', 'health-check'])
    process.env[`TEST_FUNCTION_${name}`] = JSON.stringify(stack.function(name));
  process.env['TEST_EVENT_RULES'] = JSON.stringify(stack.resources('AWS::Events::Rule'));
  process.env['TEST_BROKER_URL'] = rabbit.url;
  process.env['TEST_MANAGEMENT_URL'] = rabbit.managementUrl;
  if (rabbit instanceof RabbitMqServer) process.env['TEST_ERLANG_NODE'] = JSON.stringify(rabbit.erlangNode);
  console.log('Running the test files, several at once, the slowest first …');
}

function requireTrove(): void {
  if (ensureTrove()) return;
  const message = "Trove's guest agent (Debian's python3-trove) cannot be installed here";
  if (process.env['CI'] === 'true')
    throw new Error(`${message}, and CI may not do without the interop tests.`);
  console.warn(`\n${'!'.repeat(100)}\n${message}.\nTHE INTEROP TESTS DO NOT RUN.\n${'!'.repeat(100)}\n`);
  process.env['TEST_WITHOUT_TROVE'] = 'true';
}
