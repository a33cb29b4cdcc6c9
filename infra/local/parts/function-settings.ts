/** The environment variables that `npm start` and `npm run health-check` pass on to the functions. */
const PASSED_ON = [
  'BROKER_URL',
  'BROKER_ENDPOINT',
  'BROKER_ID',
  'BROKER_SECRET_ID',
  'BROKER_VHOST',
  'BROKER_MANAGEMENT_URL',
  'CONTROL_EXCHANGE',
  'RPC_TIMEOUT_SECONDS',
  'NO_CONSUMER_GRACE_SECONDS',
  'GUEST_KEYS_FILE',
  'GUEST_KEY_SECRET_PREFIX',
  'REQUIRE_ENCRYPTION',
  'FLEET_STATE_URL',
  'UNREACHABLE_AFTER_SWEEPS',
  'REACHABLE_AFTER_SWEEPS',
  'ABANDONED_AFTER_HOURS',
  'CONTROL_PLANE_TOPICS',
  'HEALTH_CHECK_RATE_MINUTES',
  'KEYSTONE_URL',
  'KEYSTONE_ADMIN_ROLES',
  'TROVE_URL',
  'TROVE_SECRET_ID',
  'TROVE_CREDENTIALS_FILE',
  'EXPECTED_SILENCE_MINUTES',
  'NODE_EXTRA_CA_CERTS',
  'AWS_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  'AWS_ENDPOINT_URL_MQ',
  'AWS_ENDPOINT_URL_S3',
];

/** A function's environment variables. */
export type Settings = Readonly<Record<string, string>>;

/**
 * The functions' settings: those in this process's environment, else those of the stack.
 *
 * @param stack the environment variables of the synthesized stack; a value that is not text is left out
 */
export function settingsOf(
  env: NodeJS.ProcessEnv,
  stack: Readonly<Record<string, unknown>> = {},
): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of [...Object.keys(stack), ...PASSED_ON]) {
    const value = env[name] || stack[name];
    if (typeof value === 'string') settings[name] = value;
  }
  return settings;
}

/** Whether the settings name a broker; where they do not, `npm start` starts a private one. */
export function namesBroker(settings: Settings): boolean {
  return ['BROKER_URL', 'BROKER_ENDPOINT', 'BROKER_ID'].some((name) => name in settings);
}
