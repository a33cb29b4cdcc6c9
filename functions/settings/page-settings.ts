import { InvalidConfig } from './config.ts';
import { readStateSettings, type StateLocation } from './state-settings.ts';

/** What the page's function reads of the environment. */
export interface PageSettings {
  /** Where the health check keeps what it found. */
  readonly location: StateLocation;
  /** How often a sweep begins, in milliseconds. */
  readonly rateMs: number;
}

/** @throws InvalidConfig */
export function readPageSettings(env: Readonly<Record<string, string | undefined>>): PageSettings {
  const { location } = readStateSettings(env);
  if (location === undefined) throw new InvalidConfig('FLEET_STATE_URL is not set: there is nothing to show');
  const { HEALTH_CHECK_RATE_MINUTES: text } = env;
  const minutes = Number(text || 5);
  if (!(minutes > 0 && minutes <= 60))
    throw new InvalidConfig('HEALTH_CHECK_RATE_MINUTES is not a number of minutes up to 60');
  return { location, rateMs: minutes * 60_000 };
}
