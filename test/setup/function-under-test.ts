import { ROUTE } from '../../functions/http/request.ts';
import { Gateway } from '../../infra/local/parts/gateway.ts';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { eventually } from './eventually.ts';
import { gatewayOptions, routeOf } from './payload.ts';
import { shippedFunction } from './shipped-function.ts';

/** An HTTP answer with its whole body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export type LogEntry = Readonly<Record<string, unknown>>;

/** The bundled function in a process of its own, behind a gateway, with all its log lines. */
export class FunctionUnderTest {
  readonly lambda: LambdaProcess;
  readonly #gateway: Gateway;
  readonly #lines: string[];

  static async start(settings: Record<string, string>): Promise<FunctionUnderTest> {
    const lines: string[] = [];
    const lambda = await LambdaProcess.start(shippedFunction('rpc-ping'), settings, (line) =>
      lines.push(line),
    );
    const gateway = await Gateway.listen((event) => lambda.invoke(event), gatewayOptions());
    return new FunctionUnderTest(lambda, gateway, lines);
  }

  private constructor(lambda: LambdaProcess, gateway: Gateway, lines: string[]) {
    this.lambda = lambda;
    this.#gateway = gateway;
    this.#lines = lines;
  }

  /** Of the gateway. */
  get url(): string {
    return this.#gateway.url;
  }

  /** Invokes the function with API Gateway's event of a ping, without HTTP. @returns the answer's event */
  invoke(
    instanceId: string,
    timeoutMs?: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const pathParameters = { tenant_id: 'tenant', instance_id: instanceId };
    return this.lambda.invoke({ ...routeOf(ROUTE), headers, pathParameters }, timeoutMs);
  }

  ping(instanceId: string, tenantId = 'tenant', headers?: Record<string, string>): Promise<Answer> {
    return this.request('GET', `/v1.0/${tenantId}/mgmt/instances/${instanceId}/rpc_ping`, headers);
  }

  async request(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(this.#gateway.url + path, { method, headers });
    return { status: response.status, headers: response.headers, body: await response.text() };
  }

  /** All log lines so far. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** Waits for a log line and metrics of an instance. @returns all lines so far, and those with metrics (EMF) */
  async telemetry(instanceId: string): Promise<{ log: LogEntry[]; metrics: LogEntry[] }> {
    const read = async () => {
      const entries = this.#lines.filter((line) => line.includes(instanceId)).map((line) => JSON.parse(line));
      return {
        log: entries,
        metrics: entries.filter((entry) => '_aws' in entry),
      };
    };
    return eventually(read, ({ log, metrics }) => log.length > 0 && metrics.length > 0);
  }

  /** For `await using`: ends the function with the test, whether that passes or fails. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  async end(): Promise<void> {
    await this.#gateway.close();
    await this.lambda.end();
  }
}
