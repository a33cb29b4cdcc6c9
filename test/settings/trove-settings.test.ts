import { expect, test } from '@jest/globals';
import { readTroveSettings } from '../../functions/settings/trove-settings.ts';

const COMPLETE = {
  TROVE_URL: 'https://trove.example:8779/v1.0/',
  KEYSTONE_URL: 'https://keystone.example/v3',
  TROVE_SECRET_ID: 'trove-credential',
};

test('without TROVE_URL there is no Trove, whatever else is set', () => {
  expect(readTroveSettings({ TROVE_SECRET_ID: 's' })).toBeUndefined();
});

test('Trove has a URL, Keystone, a credential and a time of expected silence', () => {
  expect(readTroveSettings(COMPLETE)).toEqual({
    url: 'https://trove.example:8779/v1.0',
    keystoneUrl: 'https://keystone.example/v3',
    credential: { secretId: 'trove-credential' },
    expectedSilenceMs: 3_600_000,
  });
  expect(
    readTroveSettings({ ...COMPLETE, TROVE_CREDENTIALS_FILE: '/c.json', EXPECTED_SILENCE_MINUTES: '5' }),
  ).toMatchObject({ credential: { file: '/c.json' }, expectedSilenceMs: 300_000 });
});

test.each([
  [{ TROVE_URL: 'http://trove.example/v1.0' }, 'TROVE_URL is not'],
  [{ TROVE_URL: 'https://user:password@trove.example/v1.0' }, 'TROVE_URL is not'],
  [{ TROVE_URL: 'https://trove.example/' }, 'TROVE_URL is not'],
  [{ KEYSTONE_URL: '' }, 'TROVE_URL needs KEYSTONE_URL'],
  [{ TROVE_SECRET_ID: '' }, 'TROVE_URL needs TROVE_SECRET_ID or TROVE_CREDENTIALS_FILE'],
  [{ EXPECTED_SILENCE_MINUTES: '0' }, 'EXPECTED_SILENCE_MINUTES is not'],
])('%j is refused', (settings, message) => {
  expect(() => readTroveSettings({ ...COMPLETE, ...settings })).toThrow(message);
});
