import { readConfig } from '../../../functions/settings/config.ts';
import { readStateSettings } from '../../../functions/settings/state-settings.ts';
import { fleetStateUrl } from './fleet-state-url.ts';
import { type FunctionSettings, namesBroker, settingsOf } from './function-settings.ts';
import { runningSystems } from './running-systems.ts';

/** The settings in the environment, added to those of a running `npm start`. Says whose fleet is swept. @throws InvalidConfig */
function brokerSettings(): FunctionSettings {
  const own = settingsOf(process.env);
  const { PORT: port } = process.env;
  const settings = namesBroker(own) ? own : { ...runningSystem(port), ...own };
  if (!namesBroker(settings))
    throw new Error(
      `There is no broker: set BROKER_URL, or run \`npm start\` in another terminal${port ? ` (none runs here on PORT ${port})` : ''}.`,
    );
  readConfig(settings); // throws for wrong settings, before anything is started
  return settings;
}

/** Of the `npm start` on that port, or of the only one that runs in this checkout. */
function runningSystem(port: string | undefined): FunctionSettings | undefined {
  const systems = runningSystems().filter(({ url }) => !port || new URL(url).port === port);
  const [system, another] = systems;
  const urls = systems.map(({ url }) => url).join(', ');
  if (another) throw new Error(`Several \`npm start\` run here (${urls}): choose one by PORT.`);
  if (system) console.error(`The guests are those of the \`npm start\` on ${urls}.`);
  return system?.settings;
}

/**
 * The settings by which the commands of this machine sweep a fleet, and its state. Where the command keeps a state of its own,
 * a change is reported by the first sweep that finds it.
 *
 * @throws InvalidConfig
 */
export function sweptFleet(): FunctionSettings {
  const settings = brokerSettings();
  const own = { FLEET_STATE_URL: fleetStateUrl(settings), UNREACHABLE_AFTER_SWEEPS: '1' };
  const bySchedule = 'FLEET_STATE_URL' in settings ? settings : { ...own, ...settings };
  const all = { ...bySchedule, HEALTH_CHECK_RATE_MINUTES: '' }; // a sweep that a person asks for always counts
  readStateSettings(all); // throws for wrong settings, before anything is started
  return all;
}
