import { expect, test } from '@jest/globals';
import { readControlPlaneTopics } from '../../functions/settings/state-settings.ts';

const read = (text?: string) => readControlPlaneTopics({ CONTROL_PLANE_TOPICS: text }, 'trove');

test('the topics are on the control exchange, or on the one that is named', () => {
  expect(read()).toEqual([
    { name: 'taskmanager', exchange: 'trove', topic: 'taskmanager' },
    { name: 'trove-conductor', exchange: 'trove', topic: 'trove-conductor' },
  ]);
  expect(read('a, other:b')).toEqual([
    { name: 'a', exchange: 'trove', topic: 'a' },
    { name: 'other:b', exchange: 'other', topic: 'b' },
  ]);
  expect(read('')).toEqual([]);
});

test.each([',', 'a,', ':a', 'a:', 'a:b:c'])('%j is refused', (text) => {
  expect(() => read(text)).toThrow('CONTROL_PLANE_TOPICS is not a list of topics');
});

test.each(['a'.repeat(256), `a:${'b'.repeat(256)}`, `${'a'.repeat(256)}:b`])(
  'a long name is refused',
  (text) => {
    expect(() => read(text)).toThrow('CONTROL_PLANE_TOPICS has a name of more than 255 bytes');
  },
);
