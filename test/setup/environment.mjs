import { TestEnvironment } from 'jest-environment-node';

// Jest warns of a worker that is still there half a second after its last test. Node may need longer than that to free the
// half a gigabyte that a worker's modules take: with process.exit() it leaves that to the system.
process.once('exit', () => process.exit());

export default TestEnvironment;
