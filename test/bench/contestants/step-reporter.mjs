import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';

// Imported before a function whose init is looked at, see `initSteps`: reports each step on standard error as it ends.

const ORIGIN = performance.timeOrigin;

function report(name, endMs, ms) {
  writeSync(2, `${JSON.stringify({ step: name, fromMs: ORIGIN + endMs - ms, untilMs: ORIGIN + endMs })}\n`);
}

const { bootstrapComplete } = performance.nodeTiming;
report('node', bootstrapComplete, bootstrapComplete);
subscribe('guest-rpc-ping.hop', ({ name, ms }) => report(name, performance.now(), ms));
