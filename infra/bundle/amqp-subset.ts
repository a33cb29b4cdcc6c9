import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** The methods that the functions send, as amqplib calls them: class and method. */
export const SENT = [
  ...methods('Connection', 'StartOk TuneOk Open Close CloseOk'),
  ...methods('Channel', 'Open Close CloseOk'),
  ...methods('Confirm', 'Select'),
  ...methods('Exchange', 'Declare'),
  ...methods('Queue', 'Declare Bind Unbind Delete'),
  ...methods('Basic', 'Consume Publish'),
];

/** The methods that RabbitMQ sends to a client which sends no others than {@link SENT}. */
export const RECEIVED = [
  ...methods('Connection', 'Start Secure Tune OpenOk Blocked Unblocked Close CloseOk'),
  ...methods('Channel', 'OpenOk Flow Close CloseOk'),
  ...methods('Confirm', 'SelectOk'),
  ...methods('Exchange', 'DeclareOk'),
  ...methods('Queue', 'DeclareOk BindOk UnbindOk DeleteOk'),
  ...methods('Basic', 'ConsumeOk Cancel Deliver Return Ack Nack'),
];

function methods(ofClass: string, names: string): string[] {
  return names.split(' ').map((name) => ofClass + name);
}

/** A message's properties, which go both ways. */
const PROPERTIES = 'BasicProperties';

const CODECS = new Set([
  ...[...SENT, PROPERTIES].map((name) => `encode${name}`),
  ...[...RECEIVED, PROPERTIES].map((name) => `decode${name}`),
]);

/** An encoder or decoder of one method. */
const CODEC = /^function ((?:en|de)code\w+)\(.*?^}\n/gms;
/** Where amqplib chooses that encoder or decoder. */
const CHOICE = /^ +case \d+:\n +return ((?:en|de)code\w+)\(.*?\);\n/gm;
/** A method's arguments in words, which amqplib itself does not read. */
const ARGUMENTS = /^ +args: \[\n.*?^ {2}\],\n/gms;

/**
 * Leaves out of amqplib's definitions, the largest part of a bundle, what the functions do not speak of AMQP 0-9-1: V8
 * would read it in each cold start. amqplib refuses a method that is left out with "Unknown class/method ID".
 */
export const AMQP_SUBSET: Plugin = {
  name: 'amqp-subset',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]amqplib[\\/]lib[\\/]defs\.js$/ }, async ({ path }) => ({
      contents: amqpSubset(await readFile(path, 'utf8')),
    }));
  },
};

/**
 * @param definitions the text of amqplib's `lib/defs.js`
 * @throws Error when a method that the functions speak is not found in that text
 */
export function amqpSubset(definitions: string): string {
  const missing = new Set(CODECS);
  const subset = definitions
    .replace(CODEC, (code: string, name: string) => {
      missing.delete(name);
      return CODECS.has(name) ? code : '';
    })
    .replace(CHOICE, (choice: string, name: string) => (CODECS.has(name) ? choice : ''))
    .replace(ARGUMENTS, '');
  if (missing.size > 0) throw new Error(`amqplib's definitions lack ${[...missing].join(', ')}`);
  return subset;
}
