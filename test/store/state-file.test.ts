import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { StateFile } from '../../functions/store/state-file.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { testStore } from './store-contract.ts';

const folder = new TemporaryFolder('state-file');
let files = 0;
afterAll(() => folder.remove());

function newPath(): string {
  return folder.file(join(`deep-${files++}`, 'fleet.json'));
}

describe('a file', () => {
  test('a file in a place that is a folder cannot be read, with the system’s code', async () => {
    await expect(new StateFile(folder.path).read()).rejects.toMatchObject({
      code: 'state_unavailable',
      exception: 'EISDIR',
    });
  });

  test('a file below a file cannot be written, with the system’s code', async () => {
    writeFileSync(folder.file('plain'), '');
    await expect(
      new StateFile(join(folder.file('plain'), 'x')).replace(undefined, 'x'),
    ).rejects.toMatchObject({
      code: 'state_unavailable',
      exception: expect.stringMatching(/^E(NOTDIR|EXIST)$/),
    });
  });

  test('a writer waits for no other one that has died while it wrote, once some time has passed', async () => {
    const path = newPath();
    const store = new StateFile(path);
    await store.replace(undefined, 'one');
    writeFileSync(`${path}.next`, 'half');
    const { version } = (await store.read()) ?? {};
    await expect(store.replace(version, 'two')).rejects.toMatchObject({ code: 'state_conflict' });
    utimesSync(`${path}.next`, 0, 0);
    await store.replace(version, 'two');
    await expect(store.read()).resolves.toMatchObject({ text: 'two' });
    expect(readdirSync(join(path, '..'))).toEqual(['fleet.json']);
  });

  testStore(() => new StateFile(newPath()));
});
