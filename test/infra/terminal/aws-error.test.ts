import { expect, test } from '@jest/globals';
import { explained } from '../../../infra/terminal/aws-error.ts';

test.each([
  ['ENOTFOUND', 'AWS_REGION'],
  ['ECONNREFUSED', 'AWS_ENDPOINT_URL'],
])('%s names the setting, and no output of a stack that may not be there yet', (code, setting) => {
  const text = explained('The identity cannot be read', Object.assign(new Error('connect'), { code }));
  expect(text).toMatch(
    new RegExp(`^The identity cannot be read: ${code}: connect\\. .*: compare ${setting}, or --url`),
  );
});
