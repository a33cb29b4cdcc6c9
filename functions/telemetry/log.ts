/** Lambda's log levels, least first. */
const LEVELS: readonly string[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** Those that we use. */
type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** What a line tells besides its message; anything that JSON can carry. */
type Fields = Readonly<Record<string, unknown>>;

/**
 * The function's log: one JSON object a line on standard output, with `level`, `message`, `timestamp`, `service` and,
 * where there is one, `xray_trace_id`. Lines below `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets from the function's
 * logging configuration, are not written; without it, those below INFO. Lambda takes what is JSON already as it is.
 */
export class Log {
  readonly #service: string;
  readonly #least: number;

  /** @param service the function's name, in each line */
  constructor(service: string) {
    const least = LEVELS.indexOf(process.env['AWS_LAMBDA_LOG_LEVEL'] ?? '');
    this.#service = service;
    this.#least = least === -1 ? LEVELS.indexOf('INFO') : least;
  }

  debug(message: string, fields: Fields): void {
    this.#write('DEBUG', message, fields);
  }

  info(message: string, fields: Fields): void {
    this.#write('INFO', message, fields);
  }

  warn(message: string, fields: Fields): void {
    this.#write('WARN', message, fields);
  }

  /** @param error what was thrown, if anything was: the field `error`, with its stack and its causes */
  error(message: string, fields: Fields, error?: unknown): void {
    this.#write('ERROR', message, error === undefined ? fields : { ...fields, error: described(error) });
  }

  /** Metrics on a line of their own, which no level hides. */
  metrics(fields: Fields): void {
    print({ service: this.#service, ...fields });
  }

  #write(level: Level, message: string, fields: Fields): void {
    if (LEVELS.indexOf(level) < this.#least) return;
    const timestamp = new Date().toISOString();
    print({ level, message, timestamp, service: this.#service, ...traced(), ...fields });
  }
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** The invocation's trace, from Lambda's `Root=1-…;Parent=…;Sampled=…`. */
function traced(): object {
  const [, root] = /Root=([^;]+)/.exec(process.env['_X_AMZN_TRACE_ID'] ?? '') ?? [];
  return root === undefined ? {} : { xray_trace_id: root };
}

function described(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  return { name, message, stack, ...(cause === undefined ? {} : { cause: described(cause) }) };
}
