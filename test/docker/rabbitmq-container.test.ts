import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { lineOf } from '../../infra/local/parts/child.ts';
import { eventually } from '../setup/eventually.ts';

const LONG_MS = 120_000;

/** Starts a RabbitMQ, prints where that is, and waits for its own end. */
const STARTER = `
  const { startRabbitMq } = await import('${join(import.meta.dirname, '../../infra/local/parts/rabbitmq.ts')}');
  const rabbit = await startRabbitMq();
  console.log(rabbit.url);
  process.once('SIGTERM', () => rabbit.stop().then(() => process.exit()));
  setInterval(() => undefined, 1000);
`;

function containers(port: string): string {
  const filter = `name=guest-rpc-ping-${port}`;
  return execFileSync('docker', ['ps', '--all', '--quiet', '--filter', filter], { encoding: 'utf8' });
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a RabbitMQ in Docker takes connections, and its container is gone once the process that started it has ended by %s',
  async (signal) => {
    const { RABBITMQ_IMAGE = 'rabbitmq:4.2-management' } = process.env;
    const starter = spawn(process.execPath, ['--input-type=module', '--eval', STARTER], {
      env: { ...process.env, RABBITMQ_IMAGE },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const url = await lineOf(starter, /^amqp:/);
      await (await connect(url)).close();
      const { port } = new URL(url);
      expect(containers(port)).not.toBe('');
      const ended = once(starter, 'exit');
      starter.kill(signal);
      await ended;
      await eventually(
        async () => containers(port),
        (list) => list === '',
        30_000,
      );
    } finally {
      starter.kill('SIGKILL');
    }
  },
  LONG_MS,
);
