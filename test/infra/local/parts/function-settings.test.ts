import { expect, test } from '@jest/globals';
import { settingsOf } from '../../../../infra/local/parts/function-settings.ts';

test('what stands around a setting is no part of it, and an empty one counts as unset', () => {
  const env = { CONTROL_EXCHANGE: 'trove\r\n', BROKER_VHOST: ' ', KEYSTONE_URL: '', HOME: '/root' };
  expect(settingsOf(env)).toEqual({ CONTROL_EXCHANGE: 'trove' });
});

test('an empty list of topics is a list of none', () => {
  expect(settingsOf({ CONTROL_PLANE_TOPICS: '' })).toEqual({ CONTROL_PLANE_TOPICS: '' });
});
