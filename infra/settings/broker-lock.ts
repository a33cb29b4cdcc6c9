import { isDeepStrictEqual } from 'node:util';
import type { NewBrokerSettings, Settings } from './deployment-settings.ts';

/** Settings by which a broker is made: with another value CloudFormation would make another broker, or leave this one. In this order. */
const FIXED = [
  'newBroker',
  'brokerName',
  'brokerStack',
  'brokerKmsKeyArn',
  'vpcCidr',
  'availabilityZones',
] as const;

/** How the name of the file ends that keeps what made a deployment's broker. */
export const LOCK = '.lock.json';

/** The parameter of a broker's stack that keeps the same. */
export const MAKING = 'BrokerMadeWith';

export const ON_PURPOSE = 'or see infra/README.md, Replace or remove a broker';

/** The settings that make a deployment's broker. */
export function makingOf(settings: NewBrokerSettings): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    FIXED.flatMap((key) => (settings[key] === undefined ? [] : [[key, settings[key]]])),
  );
}

/** What would leave or replace the broker that was made. @param made as the lock file has it */
export function brokerProblems(settings: Settings, made: unknown): string[] {
  const { name } = settings;
  if (!('newBroker' in settings))
    return [
      `${name}.json: newBroker is gone, but ${name}${LOCK} says that it made a broker, which Trove may depend on: set it back, ${ON_PURPOSE}.`,
    ];
  const was: Readonly<Record<string, unknown>> = Object(made);
  const changed = FIXED.filter((key) => !isDeepStrictEqual(was[key], settings[key]));
  return changed.map(
    (key) =>
      `${name}.json: ${key} was ${JSON.stringify(was[key]) ?? 'not set'} when ${name}${LOCK} was written, and a change of it would replace a broker that is deployed: set it back, ${ON_PURPOSE}.`,
  );
}
