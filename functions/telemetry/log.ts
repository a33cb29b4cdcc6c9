/** Lambda's log levels, least first. */
const LEVELS: readonly string[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** Those that we use. */
type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** What a line has besides its message; anything that JSON can carry. */
type Fields = Readonly<Record<string, unknown>>;

/**
 * The function's log: one JSON object a line on standard output, with `level`, `timestamp`, `service`, mostly a
 * `message` and, where there is one, `xray_trace_id`. Lines below `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets from the
 * function's logging configuration, are not written; without that variable, those below INFO. Lambda takes a line as
 * it is when the line is JSON with a level and a timestamp; its own filter would count others as INFO.
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

  /** @param error what was thrown, if anything was: the field `error`, with name, code, stack and causes */
  error(message: string, fields: Fields, error?: unknown): void {
    this.#write('ERROR', message, error === undefined ? fields : { ...fields, error: described(error) });
  }

  /** Metrics on a line of their own, without a message. Of level INFO: above that level there are no metrics. */
  metrics(fields: Fields): void {
    this.#write('INFO', undefined, fields);
  }

  #write(level: Level, message: string | undefined, fields: Fields): void {
    if (LEVELS.indexOf(level) < this.#least) return;
    const timestamp = new Date().toISOString();
    const line = { level, message, timestamp, service: this.#service, xray_trace_id: traceId(), ...fields };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

/** Of the invocation, from Lambda's `Root=1-…;Parent=…;Sampled=…`. */
function traceId(): string | undefined {
  const trace = process.env['_X_AMZN_TRACE_ID'];
  return trace === undefined ? undefined : /Root=([^;]+)/.exec(trace)?.[1];
}

/** `code` is stable; `exception` is that of an AWS API. */
function described(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const { code, exception } = Object(error);
  return { name, code, exception, message, stack, cause: cause === undefined ? undefined : described(cause) };
}
