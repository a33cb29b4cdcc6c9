// `npm test`: runs Jest with what stands behind `--`. Where that names no tests, it runs all of them in three steps: those that
// keep the processors busy, those that mostly wait, and a sweep of ten thousand guests, which needs the processors to itself.
import { spawnSync } from 'node:child_process';

const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const jest = ['node_modules/jest/bin/jest.js', '--config', 'test/setup/jest.config.mjs'];
const args = process.argv.slice(2);

function run(step) {
  const options = { stdio: 'inherit', env: { ...process.env, TEST_STEP: step } };
  const { status } = spawnSync(process.execPath, [...flags, ...jest, ...args], options);
  if (status !== 0) process.exit(status ?? 1);
}

const isWhole = process.env.TEST_ON_DEMAND === undefined && args.every((arg) => /^--|^-w$|^\d+$/.test(arg));
for (const step of isWhole ? ['busy', 'waiting', 'alone'] : ['']) run(step);
