import { parentPort, workerData } from 'node:worker_threads';
import { synthesize } from './synthesis.ts';

const { stackName } = await synthesize(workerData);
parentPort?.postMessage(stackName);
