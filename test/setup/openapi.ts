import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Reason } from '../../functions/guest/reason.ts';
import { ROUTE } from '../../functions/http/request.ts';
import type { Answer } from './function-under-test.ts';
import { EXAMPLE_ID } from './openapi-examples.ts';

/** infra/openapi.json. */
export const DOCUMENT = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'infra', 'openapi.json'), 'utf8'),
);
/** Its one operation, the ping. */
export const OPERATION = DOCUMENT.paths[ROUTE.path]?.[ROUTE.method.toLowerCase()];

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(DOCUMENT, 'openapi.json');

/** Ajv's errors for a value, by a schema of the document; empty when there are none. */
export function problems(schema: { readonly $ref?: string }, value: unknown): unknown {
  const absolute = schema.$ref ? { $ref: `openapi.json${schema.$ref}` } : schema;
  const validate = ajv.compile(JSON.parse(JSON.stringify(absolute).replaceAll('"#/', '"openapi.json#/')));
  return validate(value) ? [] : validate.errors;
}

export function resolved<T>(object: T & { readonly $ref?: string }): T {
  if (object.$ref === undefined) return object;
  const path = object.$ref.slice(2).split('/');
  return path.reduce((node, name) => node[name], DOCUMENT);
}

/** Expects status, headers and body to conform to the document. */
export function expectConformity({ status, headers, body }: Answer): void {
  const response = OPERATION.responses[status];
  expect(Object.keys(OPERATION.responses)).toContain(String(status));
  for (const [name, reference] of Object.entries<Record<string, unknown>>(response.headers ?? {})) {
    const { schema, required } = resolved<Record<string, unknown>>(reference);
    const value = headers.get(name);
    if (value === null) expect([name, required ?? false]).toEqual([name, false]);
    else expect(problems(Object(schema), value)).toEqual([]);
  }
  if (response.content === undefined) {
    expect(body).toBe('');
  } else {
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
    expect(problems(response.content['application/json'].schema, JSON.parse(body))).toEqual([]);
  }
}

/** An example of the document, by its name. */
export function example(status: number, name: string) {
  return OPERATION.responses[status].content['application/json'].examples[name].value;
}

function asInExample({ body }: Answer): unknown {
  return JSON.parse(body.replace(UUID, EXAMPLE_ID));
}

/** Expects an answer 400 to be the document's example of the reason. */
export function expectExample(answer: Answer, reason: Reason): void {
  expectConformity(answer);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('proxy-status')).toContain(`details="${reason}"`);
  expect(asInExample(answer)).toEqual(example(400, reason));
}
