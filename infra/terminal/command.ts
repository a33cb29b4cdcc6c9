import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What was typed is no call of the command. */
export class WrongUsage extends Error {
  constructor(message: string, usage: string) {
    super(`${message}\nUsage: ${usage}`);
  }
}

/**
 * Runs a command: prints its usage for `--help`, and the message of what it throws.
 *
 * @param failed the exit code where it throws
 * @returns its exit code
 */
export async function run(
  usage: string,
  failed: number,
  command: (args: string[]) => Promise<number>,
  args = process.argv.slice(2),
): Promise<number> {
  if (args.includes('--help')) {
    console.log(`Usage: ${usage}`);
    return 0;
  }
  try {
    return await command(args);
  } catch (error) {
    console.error(messageOf(error));
    return failed;
  }
}

export type Parsed<T extends ParseArgsConfig> = ReturnType<typeof parseArgs<T>>;

/** Reads arguments as `parseArgs` of Node does. @throws WrongUsage */
export function readArguments<const T extends ParseArgsConfig>(
  usage: string,
  config: T,
  args = process.argv.slice(2),
): Parsed<T> {
  try {
    return parseArgs<T>({ ...config, args });
  } catch (error) {
    throw new WrongUsage(messageOf(error), usage);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
