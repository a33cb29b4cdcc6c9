import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');

/**
 * What each room of functions/ may import beside itself: rooms, files of functions/ itself, packages, and those of Node's
 * modules that reach the network. Imports run one way; Biome's noImportCycles refuses circles within a room.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  time: ['node:diagnostics_channel'], // by which the benchmark hears of hops
  oslo: ['amqplib', 'coded-error.ts', 'json.ts', 'time'],
  broker: [
    '@aws-sdk/client-mq',
    'amqp-reply.ts',
    'amqplib',
    'coded-error.ts',
    'http-client.ts',
    'json.ts',
    'node:net', // the socket to the broker is made here, before amqplib is there
    'node:tls',
    'time',
  ],
  secrets: ['aws4', 'coded-error.ts', 'http-client.ts', 'json.ts', 'time'],
  store: ['@aws-sdk/client-s3', 'coded-error.ts', 'time'],
  guest: ['amqp-reply.ts', 'coded-error.ts', 'excerpt.ts', 'json.ts', 'oslo', 'time'],
  sweep: ['coded-error.ts', 'excerpt.ts', 'guest', 'oslo', 'time', 'trove'],
  history: ['guest', 'json.ts', 'store', 'time', 'valibot'],
  changes: [
    'coded-error.ts',
    'excerpt.ts',
    'guest',
    'history',
    'json.ts',
    'store',
    'sweep',
    'time',
    'trove',
    'valibot',
  ],
  settings: ['broker', 'changes', 'coded-error.ts', 'store', 'sweep'],
  trove: ['coded-error.ts', 'guest', 'http-client.ts', 'json.ts', 'secrets', 'settings', 'time'],
  runtime: ['broker', 'coded-error.ts', 'guest', 'oslo', 'secrets', 'settings', 'sweep', 'time', 'trove'],
  http: ['aws-lambda', 'coded-error.ts', 'guest', 'time'],
  telemetry: ['changes', 'guest', 'http', 'sweep', 'time'],
  keystone: [
    '@middy/core',
    'aws-lambda',
    'coded-error.ts',
    'http',
    'http-client.ts',
    'json.ts',
    'node:http', // for the limit of a header
    'quick-lru',
    'settings',
    'telemetry',
    'time',
  ],
  page: ['changes', 'excerpt.ts', 'guest', 'history', 'sweep', 'time'],
  exposition: ['changes', 'coded-error.ts', 'http', 'sweep', 'time'],
};

const NETWORK = ['node:http', 'node:https', 'node:http2', 'node:net', 'node:tls', 'node:dns'];

/** Modules that a file imports: paths in this repository, or names of packages. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const named = source.matchAll(/(?:^(?:import|export) (?:[^'();]*? from )?|import\()'([^']+)'/gm);
  return Array.from(named, ([, name = '']) => (name.startsWith('.') ? join(dirname(file), name) : name));
}

/** The room of a file below functions/, or the file's own name; other modules as they are. */
function roomOf(module: string): string {
  return /^functions\/([^/]+)/.exec(module)?.[1] ?? module;
}

test.each(Object.entries(MAY_IMPORT))('%s imports nothing but %j', (room, allowed) => {
  const files = globSync(`functions/${room}/*.ts`, { cwd: ROOT });
  const imported = files.flatMap((file) => importsOf(file).map((module) => ({ file, module })));
  const refused = imported.filter(({ module }) => {
    if (module.startsWith('node:')) return NETWORK.includes(module) && !allowed.includes(module);
    return roomOf(module) !== room && !allowed.includes(roomOf(module));
  });
  expect(refused).toEqual([]);
  expect(imported.length > 0).toBe(allowed.length > 0);
});

test('every room of functions/ has a row', () => {
  const rooms = globSync('functions/*/*.ts', { cwd: ROOT }).map(roomOf);
  expect(Object.keys(MAY_IMPORT)).toEqual(expect.arrayContaining([...new Set(rooms)]));
});

test.each([
  ['functions', /^(infra|test)\//],
  ['infra', /^test\//],
])('nothing in %s imports what matches %s', (folder, forbidden) => {
  const files = globSync(`${folder}/**/*.{ts,mjs}`, { cwd: ROOT });
  const refused = files.filter((file) => importsOf(file).some((module) => forbidden.test(module)));
  expect(files.length).toBeGreaterThan(50);
  expect(refused).toEqual([]);
});

test('what is deployed does not import the local system', () => {
  const files = globSync('infra/**/*.ts', { cwd: ROOT }).filter((file) => !file.startsWith('infra/local/'));
  const refused = files.filter((file) => importsOf(file).some((module) => module.startsWith('infra/local/')));
  expect(refused).toEqual([]);
});
