import { afterEach, expect, jest, test } from '@jest/globals';
import { run } from '../../../infra/terminal/command.ts';

const OPTIONS = {
  json: { type: 'boolean' },
  for: { type: 'string' },
  forget: { type: 'string', multiple: true },
} as const;

const print = jest.spyOn(console, 'error').mockImplementation(() => undefined);
afterEach(() => {
  print.mockClear();
});

const runWith = (...args: string[]) => run('cmd', 7, { options: OPTIONS }, async () => 0, args);

test('an option that takes one value is refused where it is given twice', async () => {
  expect(await runWith('--for', '1h', '--for=2h')).toBe(7);
  expect(print).toHaveBeenCalledWith('--for is given twice\nUsage: cmd');
});

test('an option that takes several values, and a switch, may be given twice', async () => {
  expect(await runWith('--forget', 'a', '--forget', 'b', '--json', '--json')).toBe(0);
});
