import { join } from 'node:path';

// Two kinds of tests: `unit` needs nothing but Node, `broker` a RabbitMQ and real guests, which its set-up starts.

const ROOT = join(import.meta.dirname, '..', '..');

/** Tests that need the broker: these folders, and elsewhere what is named so. */
const NEEDS_BROKER = ['/test/(faults|interop)/', '\\.broker\\.test\\.ts$'];

/** Tests that start three nodes of the newest RabbitMQ in the matrix: run by `npm run test:matrix -- cluster` alone. */
const NEEDS_CLUSTER = '/test/cluster/';

const common = {
  rootDir: ROOT,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};

const set = {
  globalSetup: '<rootDir>/test/setup/global-setup.ts',
  globalTeardown: '<rootDir>/test/setup/global-teardown.ts',
};

const unit = {
  ...common,
  displayName: 'unit',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: [...NEEDS_BROKER, NEEDS_CLUSTER],
};
const broker = {
  ...common,
  ...set,
  displayName: 'broker',
  testRegex: NEEDS_BROKER.map((pattern) => (pattern.endsWith('/') ? `${pattern}.*\\.test\\.ts$` : pattern)),
};
const cluster = {
  ...common,
  ...set,
  displayName: 'cluster',
  testMatch: ['<rootDir>/test/cluster/**/*.test.ts'],
};

export default {
  rootDir: ROOT,
  testTimeout: 20_000,
  projects: process.env['TEST_CLUSTER'] ? [cluster] : [unit, broker],
};
