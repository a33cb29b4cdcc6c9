import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { amqpSubset, RECEIVED, SENT } from '../../infra/bundle/amqp-subset.ts';

const require = createRequire(import.meta.url);
const PATH = join(dirname(require.resolve('amqplib')), 'lib', 'defs.js');
const TEXT = readFileSync(PATH, 'utf8');

interface Argument {
  readonly type: string;
  readonly name: string;
}

type Fields = Readonly<Record<string, unknown>>;

interface Info {
  readonly id: number;
  readonly args: readonly Argument[];
}

interface Definitions {
  readonly [methodInfo: `methodInfo${string}`]: Info;
  readonly propertiesInfoBasicProperties: Info;
  encodeMethod(id: number, channel: number, fields: Fields): Buffer;
  encodeProperties(id: number, channel: number, size: number, fields: Fields): Buffer;
  decode(id: number, buffer: Buffer): object;
}

/** In a frame, what comes before a method's arguments: the frame's header and the method's id. */
const METHOD_HEADER_BYTES = 11;

/** In a frame, what comes before a message's properties: the frame's header, class, weight and the body's size. */
const CONTENT_HEADER_BYTES = 19;

/** A value of each of AMQP's types. */
const SAMPLES: Fields = {
  bit: true,
  octet: 7,
  short: 300,
  long: 70_000,
  longlong: 5_000_000_000,
  timestamp: 1_700_000_000,
  shortstr: 'short',
  longstr: Buffer.from('long'),
  table: { key: 'value' },
};

/** A call of amqplib on a queue or an exchange, and AMQP's word for its verb. */
const OPERATION = /\.(assert|check|delete|bind|unbind|purge)(Queue|Exchange)\(/g;
const VERBS: Readonly<Record<string, string>> = {
  assert: 'Declare',
  check: 'Declare',
  delete: 'Delete',
  bind: 'Bind',
  unbind: 'Unbind',
  purge: 'Purge',
};

const whole = load(TEXT);
const subset = load(amqpSubset(TEXT));

describe('The part of AMQP that a bundle speaks', () => {
  test('an amqplib whose definitions lack a method that we send fails the build, which names the method', () => {
    const other = TEXT.replace('function encodeBasicPublish(', 'function encodePublish(');
    expect(() => amqpSubset(other)).toThrow("amqplib's definitions lack encodeBasicPublish");
  });

  test('amqplib refuses a method that is left out', () => {
    const { id } = infoOf('QueuePurge');
    expect(() => subset.encodeMethod(id, 1, { queue: 'q' })).toThrow('Unknown class/method ID');
    expect(() => subset.decode(id, Buffer.alloc(0))).toThrow('Unknown class/method ID');
  });

  test('whatever the functions do with queues and exchanges is among what a bundle sends', () => {
    const sources = globSync(join(import.meta.dirname, '..', '..', 'functions', '**', '*.ts'));
    const calls = sources.flatMap((path) => [...readFileSync(path, 'utf8').matchAll(OPERATION)]);
    const methods = calls.map(([, verb = '', noun]) => `${noun}${VERBS[verb] ?? verb}`);
    expect(methods).toContain('QueueDeclare');
    expect(methods.filter((method) => !SENT.includes(method))).toEqual([]);
  });

  test.each(SENT)('%s is sent in the bytes of the whole amqplib', (method) => {
    const { id, args } = infoOf(method);
    expect(subset.encodeMethod(id, 1, sample(args))).toEqual(whole.encodeMethod(id, 1, sample(args)));
  });

  test.each(RECEIVED)('%s is read as the whole amqplib reads that method', (method) => {
    const { id, args } = infoOf(method);
    const payload = whole.encodeMethod(id, 1, sample(args)).subarray(METHOD_HEADER_BYTES, -1);
    expect(subset.decode(id, payload)).toEqual(whole.decode(id, payload));
  });

  test("a message's properties are sent and read as by the whole amqplib", () => {
    const { id, args } = whole.propertiesInfoBasicProperties;
    const frame = subset.encodeProperties(id, 1, 42, sample(args));
    expect(frame).toEqual(whole.encodeProperties(id, 1, 42, sample(args)));
    const payload = frame.subarray(CONTENT_HEADER_BYTES, -1);
    expect(subset.decode(id, payload)).toEqual(sample(args));
  });
});

function load(text: string): Definitions {
  return compileFunction(`${text}\nreturn module.exports;`, ['module', 'require'])(
    { exports: {} },
    createRequire(PATH),
  );
}

function sample(args: readonly Argument[]): Fields {
  return Object.fromEntries(args.map(({ name, type }) => [name, SAMPLES[type]]));
}

function infoOf(method: string): Info {
  const info = whole[`methodInfo${method}`];
  if (info === undefined) throw new Error(`amqplib knows no ${method}`);
  return info;
}
