import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What was typed is no call of the command. */
export class WrongUsage extends Error {}

/** Arguments, read as `parseArgs` of Node does. */
export type Parsed<T extends ParseArgsConfig> = ReturnType<typeof parseArgs<T>>;

/** Ends a command whose output nobody takes: a closed pipe (`| head`), a full disk. */
function endWithoutOutput(exitCode: number): void {
  if (process.stdout.listenerCount('error') > 0) return;
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') console.error(message);
    process.exit(exitCode);
  });
}

/**
 * Runs a command: reads its arguments, prints its usage for `--help`, and the message of what it throws.
 *
 * @param failed the exit code where it throws
 * @returns its exit code
 */
export async function run<const T extends ParseArgsConfig>(
  usage: string,
  failed: number,
  config: T,
  command: (parsed: Parsed<T>) => Promise<number>,
  args = process.argv.slice(2),
): Promise<number> {
  if (args.includes('--help')) {
    console.log(`Usage: ${usage}`);
    return 0;
  }
  endWithoutOutput(failed);
  try {
    return await command(readArguments(config, args));
  } catch (error) {
    console.error(error instanceof WrongUsage ? `${error.message}\nUsage: ${usage}` : messageOf(error));
    return failed;
  }
}

function readArguments<T extends ParseArgsConfig>(config: T, args: string[]): Parsed<T> {
  try {
    const { tokens = [] } = parseArgs({ ...config, args, tokens: true });
    const given = tokens.flatMap((token) => (token.kind === 'option' && token.value ? token.name : []));
    const twice = given.find((name, at) => !config.options?.[name]?.multiple && given.indexOf(name) < at);
    if (twice !== undefined) throw new WrongUsage(`--${twice} is given twice`);
    return parseArgs<T>({ ...config, args });
  } catch (error) {
    throw new WrongUsage(messageOf(error));
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
