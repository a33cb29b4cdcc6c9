import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { shellWord } from '../../../infra/terminal/shell-word.ts';

test.each(['/tmp/guests', '/tmp/my guests', "it's $HOME", '`id`\n', ''])(
  'a shell reads %j as it was',
  (text) => {
    expect(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`]).toString()).toBe(text);
  },
);

test('a plain word stays readable', () => {
  expect(shellWord('RABBITMQ_NODENAME=guest-rpc-ping@localhost')).toBe(
    'RABBITMQ_NODENAME=guest-rpc-ping@localhost',
  );
});
