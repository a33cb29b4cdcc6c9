import type { ProxyEvent } from '../parts/gateway.ts';
import { LambdaProcess, type LocalFunction } from '../parts/lambda-process.ts';

type Settings = Readonly<Record<string, string>>;

/** The bundled function for all tenants, and for some tenants of the demo a second process with other settings. */
export class TenantFunctions {
  readonly #start: (settings?: Settings) => Promise<LambdaProcess>;
  readonly #others: ReadonlyMap<string, Settings>;
  readonly #started = new Map<string, Promise<LambdaProcess>>();

  /**
   * Starts the function as it would be deployed; a function of `others` starts with its first request.
   *
   * @param settings the function's environment variables
   * @param others settings that differ, by tenant
   * @param onLine called with each line that a function logs
   */
  static async start(
    local: LocalFunction,
    settings: Settings,
    others: ReadonlyMap<string, Settings> = new Map(),
    onLine: (line: string) => void,
  ): Promise<TenantFunctions> {
    const start = (differing?: Settings) => LambdaProcess.start(local, { ...settings, ...differing }, onLine);
    const functions = new TenantFunctions(start, others);
    await functions.#of('');
    return functions;
  }

  private constructor(
    start: (settings?: Settings) => Promise<LambdaProcess>,
    others: ReadonlyMap<string, Settings>,
  ) {
    this.#start = start;
    this.#others = others;
  }

  async invoke(event: ProxyEvent): Promise<unknown> {
    const lambda = await this.#of(event.pathParameters?.['tenant_id'] ?? '');
    return lambda.invoke(event);
  }

  async end(): Promise<void> {
    for (const lambda of [...this.#started.values()]) await (await lambda).end();
  }

  /** The tenant's process; like Lambda, starts another one where it has ended. */
  #of(tenant: string): Promise<LambdaProcess> {
    const settings = this.#others.get(tenant);
    const name = settings === undefined ? '' : tenant;
    const known = this.#started.get(name);
    if (known !== undefined) return known;
    const started = this.#start(settings);
    this.#started.set(name, started);
    const forget = () => void this.#started.delete(name);
    started.then((lambda) => lambda.ended).then(forget, forget);
    return started;
  }
}
