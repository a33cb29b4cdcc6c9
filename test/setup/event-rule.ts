import { randomUUID } from 'node:crypto';
import type { Synthesized } from './synthesized.ts';

/** EventBridge's limit for an event, in bytes. */
export const MAX_EVENT_BYTES = 256 * 1024;

/**
 * The event that Lambda puts on a bus when an asynchronous invocation has succeeded, as its manual has it
 * ("Capturing records of Lambda asynchronous invocations").
 */
export function successEvent(
  request: unknown,
  response: unknown,
  functionName = 'GuestRpcPing-health-check',
): object {
  const functionArn = arnOf(functionName);
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Lambda Function Invocation Result - Success',
    source: 'lambda',
    account: '123456789012',
    time: '2026-11-24T14:05:00Z',
    region: 'eu-central-1',
    resources: ['arn:aws:events:eu-central-1:123456789012:event-bus/changes', functionArn],
    detail: {
      version: '1.0',
      timestamp: '2026-11-24T14:05:00.000Z',
      requestContext: {
        requestId: randomUUID(),
        functionArn,
        condition: 'Success',
        approximateInvokeCount: 1,
      },
      requestPayload: request,
      responseContext: { statusCode: 200, executedVersion: '$LATEST' },
      responsePayload: response,
    },
  };
}

function arnOf(functionName: string): string {
  return `arn:aws:lambda:eu-central-1:123456789012:function:${functionName}:$LATEST`;
}

type Json = Readonly<Record<string, unknown>>;

/** A rule of the synthesized stack at work: its pattern, and the transformer of its one target. */
export class EventRule {
  readonly #pattern: Json;
  readonly #paths: Readonly<Record<string, string>>;
  readonly #template: string;

  /** The one rule of the stack. */
  static of(stack: Pick<Synthesized, 'resources'>): EventRule {
    const [rule, ...more] = stack.resources('AWS::Events::Rule');
    if (rule === undefined || more.length > 0) throw new Error('The stack has not one rule');
    return new EventRule(rule);
  }

  private constructor({ EventPattern: pattern, Targets: targets }: Json) {
    const [{ InputTransformer: transformer }] = [targets].flat().map(Object);
    this.#pattern = Object(pattern);
    this.#paths = transformer.InputPathsMap;
    this.#template = transformer.InputTemplate;
  }

  /** What the target gets of an event; undefined: the event does not match. */
  notice(event: object): string | undefined {
    if (!matches(this.#pattern, Object(event))) return undefined;
    return this.#template.replaceAll(/<([^>]+)>/g, (_, name: string) => {
      const path = this.#paths[name]?.split('.').slice(1) ?? [];
      const value = path.reduce<unknown>((from, key) => Object(from)[key], event);
      // In a quoted template, a text is put in as it is, without quotes of its own.
      return typeof value === 'string' ? value : JSON.stringify(value);
    });
  }
}

/** As EventBridge matches: each field of the pattern is one of the values, or exists as `exists` says. */
function matches(pattern: Json, event: Json): boolean {
  return Object.entries(pattern).every(([key, wanted]) => {
    const value = event[key];
    if (!Array.isArray(wanted)) return matches(Object(wanted), Object(value));
    const isLeaf = value !== undefined && (typeof value !== 'object' || value === null);
    return wanted.some((one) => {
      if (typeof one !== 'object') return value === one;
      if ('Fn::Join' in one) return value === arnOf('GuestRpcPing-health-check'); // the ARN of the stack's own function
      const [[condition, expected] = [], ...others] = Object.entries(Object(one));
      if (condition !== 'exists' || others.length > 0) throw new Error(`${condition} is not matched here`);
      return isLeaf === expected;
    });
  });
}
