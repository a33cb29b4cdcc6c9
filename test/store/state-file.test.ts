import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { stateFile } from '../../functions/store/state-file.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { testStore } from './store-contract.ts';

const folder = new TemporaryFolder('state-file');
let files = 0;
afterAll(() => folder.remove());

function newPath(): string {
  return folder.file(join(`deep-${files++}`, 'fleet.json'));
}

describe('a file', () => {
  test("a file in a place that is a folder cannot be read, with the system's code", async () => {
    await expect(stateFile(folder.path).read()).rejects.toMatchObject({
      code: 'state_unavailable',
      exception: 'EISDIR',
    });
  });

  test("a file below a file cannot be written, with the system's code", async () => {
    writeFileSync(folder.file('plain'), '');
    await expect(stateFile(join(folder.file('plain'), 'x')).replace(undefined, 'x')).rejects.toMatchObject({
      code: 'state_unavailable',
      exception: expect.stringMatching(/^E(NOTDIR|EXIST)$/),
    });
  });

  test('a folder that takes no new file is said to be read-only', async () => {
    await expect(stateFile('/proc/fleet.json').replace(undefined, 'x')).rejects.toMatchObject({
      code: 'state_unavailable',
      message: expect.stringContaining('its folder is read-only for this user'),
    });
  });

  test('a writer waits for no other one that has died while it wrote, once some time has passed', async () => {
    const path = newPath();
    const store = stateFile(path);
    await store.replace(undefined, 'one');
    writeFileSync(`${path}.next`, 'half');
    const { version } = (await store.read()) ?? {};
    await expect(store.replace(version, 'two')).rejects.toMatchObject({ code: 'state_conflict' });
    utimesSync(`${path}.next`, 0, 0);
    await store.replace(version, 'two');
    writeFileSync(`${path}.next`, 'from tomorrow');
    utimesSync(`${path}.next`, Date.now() / 1000 + 86_400, Date.now() / 1000 + 86_400);
    await store.replace((await store.read())?.version, 'two');
    await expect(store.read()).resolves.toMatchObject({ text: 'two' });
    expect(readdirSync(join(path, '..'))).toEqual(['fleet.json']);
  });

  test('a link stays a link, and its file keeps its mode', async () => {
    const path = newPath();
    const store = stateFile(`${path}.link`);
    mkdirSync(join(path, '..'));
    writeFileSync(path, 'one', { mode: 0o600 });
    symlinkSync(path, `${path}.link`);
    await store.replace((await store.read())?.version, 'two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(lstatSync(`${path}.link`).isSymbolicLink()).toBe(true);
  });

  testStore(() => stateFile(newPath()));
});
