import { availableParallelism } from 'node:os';
import { join } from 'node:path';

// Six projects: `unit` needs nothing but Node; `process` starts bundles and commands; `stack` synthesizes the CDK stack; `broker` needs a RabbitMQ, which its
// set-up starts, and real guests; `browser` needs Chromium, which its set-up installs; `rest` has the tests of calls once more.

const ROOT = join(import.meta.dirname, '..', '..');

/** The paths of tests that need the broker: two folders, and elsewhere the files named `*.broker.test.ts`. */
const NEEDS_BROKER = ['/test/(faults|interop)/', '\\.broker\\.test\\.ts$'];

/** Those that synthesize the stack. */
const NEEDS_STACK = '\\.stack\\.test\\.ts$';

/** Those of calls through API Gateway, an HTTP API's (payload 2.0); `rest` runs them once more with a REST API's (1.0).
 * Of interop and faults the matrix does so. */
const CALLS = [
  '/test/(rpc-ping|server-timing|fleet)\\.(broker|process)\\.test\\.ts$',
  '/test/(keystone|conformance)/.*\\.broker\\.test\\.ts$',
  '/test/infra/openapi\\.broker\\.test\\.ts$',
];

/** Those that run a bundle or a command in a process of its own, for seconds. */
const NEEDS_PROCESS = '\\.process\\.test\\.ts$';

/** Those that need a browser. */
const NEEDS_BROWSER = '\\.browser\\.test\\.ts$';

/** Tests that need more still, and run by name alone: three nodes of a new RabbitMQ, AWS's own runtime compiled,
 * another Debian's server of S3, Docker, npm's registry. */
const ON_DEMAND = ['cluster', 'aws-runtime', 's3', 'docker', 'package', 'deploy'];

/** What needs the processors to itself; `npm test` runs it after all others. */
const ALONE = '/test/interop/fleet\\.test\\.ts$';

const common = {
  rootDir: ROOT,
  cacheDirectory: join(ROOT, 'node_modules', '.cache', 'jest'), // by default in the temporary folder
  modulePathIgnorePatterns: ['<rootDir>/infra/package/(dist|package\\.json)'], // a second package of the same name
  testEnvironment: '<rootDir>/test/setup/environment.mjs',
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
  testPathIgnorePatterns: [
    ...NEEDS_BROKER,
    NEEDS_STACK,
    NEEDS_PROCESS,
    NEEDS_BROWSER,
    ...ON_DEMAND.map((folder) => `/test/${folder}/`),
  ],
};
const stack = { ...common, displayName: 'stack', testRegex: NEEDS_STACK };
const inProcess = { ...common, displayName: 'process', testRegex: NEEDS_PROCESS };
const broker = {
  ...common,
  ...set,
  displayName: 'broker',
  testRegex: NEEDS_BROKER.map((pattern) => (pattern.endsWith('/') ? `${pattern}.*\\.test\\.ts$` : pattern)),
};
const rest = {
  ...common,
  ...set,
  displayName: 'rest',
  testRegex: CALLS,
  setupFiles: ['<rootDir>/test/setup/rest-payload.mjs'],
};
const browser = {
  ...common,
  globalSetup: '<rootDir>/test/setup/browser-setup.ts',
  displayName: 'browser',
  testRegex: NEEDS_BROWSER,
};
const onDemand = ON_DEMAND.map((folder) => ({
  ...common,
  ...(['s3', 'package'].includes(folder) ? {} : set), // these need no broker
  displayName: folder,
  testMatch: [`<rootDir>/test/${folder}/**/*.test.ts`],
}));

/** Those that run alone. */
const alone = { ...broker, testRegex: ALONE };

/** The folder of tests on demand that is to be run. */
const wanted = onDemand.filter(({ displayName }) => displayName === process.env['TEST_ON_DEMAND']);

const PROJECTS = {
  '': [unit, stack, inProcess, broker, rest, browser],
  busy: [unit, stack, inProcess, browser],
  waiting: [{ ...broker, testPathIgnorePatterns: [ALONE] }, rest],
  alone: [alone],
};

export default {
  rootDir: ROOT,
  reporters: ['default', '<rootDir>/test/setup/progress-reporter.mjs'],
  testTimeout: 60_000,
  // Tests on a broker mostly wait. With more of others, what a frozen process or a busy broker has to do in time is not done.
  maxWorkers: (process.env['TEST_STEP'] === 'waiting' ? 2 : 1) * availableParallelism(),
  testSequencer: '<rootDir>/test/setup/slowest-first.mjs',
  workerIdleMemoryLimit: '200MB', // of heap: what more holds is modules of tests that are over, and takes long to free
  projects: wanted.length > 0 ? wanted : (PROJECTS[process.env['TEST_STEP']] ?? PROJECTS['']),
};
