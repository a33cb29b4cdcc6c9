/** What `npm start` and `npm run health-check` pass on to the functions: their settings, and AWS's for reading secrets. */
const PASSED_ON = new RegExp(
  [
    '^(BROKER|CONTROL|GUEST_KEYS?|KEYSTONE|TROVE)_',
    '_(SECONDS|MINUTES|HOURS|SWEEPS)$',
    '^(FLEET_STATE_URL|NODE_EXTRA_CA_CERTS|REQUIRE_ENCRYPTION)$',
    '^AWS_(REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)$',
    '^AWS_ENDPOINT_URL_',
  ].join('|'),
);

/** A function's environment variables. */
export type FunctionSettings = Readonly<Record<string, string>>;

/** Those that mean something when they are empty. */
const MAY_BE_EMPTY = ['CONTROL_PLANE_TOPICS'];

/** The settings in the environment, without the spaces or line ends around them that a file of settings may have. */
export function settingsOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [name, value = ''] of Object.entries(env)) {
    const text = value.trim();
    if (PASSED_ON.test(name) && (text || MAY_BE_EMPTY.includes(name))) settings[name] = text;
  }
  return settings;
}

/** Whether the settings name a broker; where they do not, `npm start` starts a private one. */
export function namesBroker(settings: FunctionSettings): boolean {
  return ['BROKER_URL', 'BROKER_ENDPOINT', 'BROKER_ID'].some((name) => name in settings);
}
