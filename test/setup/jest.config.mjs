import { join } from 'node:path';

// Two kinds of tests: `unit` needs nothing but Node, `broker` a RabbitMQ and real guests, which its set-up starts.

const ROOT = join(import.meta.dirname, '..', '..');

/** Tests that need the broker: these folders, and elsewhere what is named so. */
const NEEDS_BROKER = ['/test/(faults|interop)/', '\\.broker\\.test\\.ts$'];

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

export default {
  rootDir: ROOT,
  testTimeout: 20_000,
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: NEEDS_BROKER,
    },
    {
      ...common,
      displayName: 'broker',
      testRegex: NEEDS_BROKER.map((pattern) =>
        pattern.endsWith('/') ? `${pattern}.*\\.test\\.ts$` : pattern,
      ),
      globalSetup: '<rootDir>/test/setup/global-setup.ts',
      globalTeardown: '<rootDir>/test/setup/global-teardown.ts',
    },
  ],
};
