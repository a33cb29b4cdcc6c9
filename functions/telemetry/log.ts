/** Lambda's log levels, in ascending order. */
const LEVELS: readonly string[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** The fields of a line besides its message. */
type Fields = Readonly<Record<string, unknown>>;

/**
 * The function's log: one JSON object a line on standard output. Lambda takes a line as it is when the line has a `level`
 * and a `timestamp`. Lines below `AWS_LAMBDA_LOG_LEVEL` (by default INFO), which Lambda sets from the function's logging
 * configuration, are not written.
 */
export class Log {
  readonly #service: string;
  readonly #minimum: number;
  readonly #writeLine: (line: string) => void;

  /** @param service the function's name, in each line */
  constructor(service: string, writeLine: (line: string) => void = (line) => process.stdout.write(line)) {
    this.#writeLine = writeLine;
    const minimum = LEVELS.indexOf(process.env['AWS_LAMBDA_LOG_LEVEL'] ?? '');
    this.#service = service;
    this.#minimum = minimum === -1 ? LEVELS.indexOf('INFO') : minimum;
  }

  readonly debug = (message: string, fields: Fields): void => this.#write('DEBUG', message, fields);
  readonly info = (message: string, fields: Fields): void => this.#write('INFO', message, fields);
  readonly warn = (message: string, fields: Fields): void => this.#write('WARN', message, fields);

  /** @param error what was thrown: becomes the field `error` with name, code, stack and causes */
  error(message: string, fields: Fields, error?: unknown): void {
    this.#write('ERROR', message, error === undefined ? fields : { ...fields, error: describe(error) });
  }

  /** Metrics on a line of their own, without a message. Of level INFO: above that level there are no metrics. */
  metrics(fields: Fields): void {
    this.#write('INFO', undefined, fields);
  }

  #write(level: Level, message: string | undefined, fields: Fields): void {
    if (LEVELS.indexOf(level) < this.#minimum) return;
    const timestamp = new Date().toISOString();
    const line = { level, message, timestamp, service: this.#service, xray_trace_id: traceId(), ...fields };
    this.#writeLine(`${JSON.stringify(line)}\n`);
  }
}

/** Of the invocation, from Lambda's `Root=1-…;Parent=…;Sampled=…`. */
function traceId(): string | undefined {
  const trace = process.env['_X_AMZN_TRACE_ID'];
  return trace === undefined ? undefined : /Root=([^;]+)/.exec(trace)?.[1];
}

/** `code` is stable; `exception` is that of an AWS API. */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const { code, exception } = Object(error);
  return { name, code, exception, message, stack, cause: cause === undefined ? undefined : describe(cause) };
}
