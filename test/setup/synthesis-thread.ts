import { parentPort, workerData } from 'node:worker_threads';
import { synthesize } from './synthesize.ts';

const { stackName } = await synthesize(workerData);
parentPort?.postMessage(stackName);
