import { fileURLToPath } from 'node:url';
import type { Thresholds } from '../changes/transition.ts';
import type { StateLocation } from '../store/state-location.ts';
import type { NamedTarget } from '../sweep/control-plane.ts';
import {
  InvalidConfig,
  readCount,
  readNumber,
  requireAmqpName,
  requireVerifiedTls,
  type Variables,
} from './variables.ts';

/** The most sweeps in a row that a threshold may ask for. */
const MAX_SWEEPS = 1000;
const MAX_HOURS = 24 * 365;
const HOUR_MS = 3_600_000;

/**
 * What the health check alone reads of the environment.
 *
 * @returns `location` undefined: no state is saved from sweep to sweep, and no changes are reported
 * @throws InvalidConfig
 */
export function readStateSettings(env: Variables) {
  const thresholds: Thresholds = {
    unreachableAfterSweeps: readCount(env, 'UNREACHABLE_AFTER_SWEEPS', 2, MAX_SWEEPS),
    reachableAfterSweeps: readCount(env, 'REACHABLE_AFTER_SWEEPS', 1, MAX_SWEEPS),
    abandonedAfterMs: readCount(env, 'ABANDONED_AFTER_HOURS', 168, MAX_HOURS) * HOUR_MS,
    remindAfterMs: readCount(env, 'REMIND_AFTER_HOURS', 24, MAX_HOURS, 0) * HOUR_MS,
    rateMs: env['HEALTH_CHECK_RATE_MINUTES'] ? readRateMs(env) : undefined,
  };
  return { location: readLocation(env['FLEET_STATE_URL']), thresholds };
}

/** The control plane's own topics, `topic` or `exchange:topic`. @throws InvalidConfig */
export function readControlPlaneTopics(env: Variables, controlExchange: string): NamedTarget[] {
  const text = env['CONTROL_PLANE_TOPICS'] ?? 'taskmanager,trove-conductor'; // an empty text: none
  if (text === '') return [];
  return text.split(',').map((entry) => {
    const name = entry.trim();
    const [, exchange = controlExchange, topic] = /^(?:([^:]+):)?([^:]+)$/.exec(name) ?? [];
    if (topic === undefined)
      throw new InvalidConfig('CONTROL_PLANE_TOPICS is not a list of topics, joined by commas');
    for (const each of [exchange, topic]) requireAmqpName('CONTROL_PLANE_TOPICS', each);
    return { name, exchange, topic };
  });
}

/** Where the health check saves what it found, and how often a sweep begins. @throws InvalidConfig */
export function readPageSettings(env: Variables) {
  requireVerifiedTls(env);
  const location = readLocation(env['FLEET_STATE_URL']);
  if (location === undefined) throw new InvalidConfig('FLEET_STATE_URL is not set: there is nothing to show');
  return { location, rateMs: readRateMs(env) };
}

function readRateMs(env: Variables): number {
  return 60_000 * readNumber(env, 'HEALTH_CHECK_RATE_MINUTES', 'minutes', 5, 60);
}

function readLocation(text: string | undefined): StateLocation | undefined {
  if (!text) return undefined;
  const [, bucket, key] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/.exec(text) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  const path = text.endsWith('/') ? undefined : pathOf(text);
  if (path !== undefined) return { path };
  throw new InvalidConfig('FLEET_STATE_URL is neither s3://bucket/key nor file:///path');
}

/** @returns undefined where the text is not a `file:///` URL, or hides a slash in its path */
function pathOf(url: string): string | undefined {
  if (!/^file:\/\//i.test(url)) return undefined; // `file:state.json` would be /state.json
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}
