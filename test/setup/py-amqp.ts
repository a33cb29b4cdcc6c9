import type { Channel } from 'amqplib';

/** Headers with an integer beyond 32 bits, which py-amqp writes with the tag `L`, and amqplib cannot decode. */
export const LONG = { long: { '!': 'int64', value: 2 ** 40 } };

/** Has the header `long` of what the channel publishes written as py-amqp does. @returns how often that was done */
export function writeLongsAsPyAmqp(channel: Channel): { readonly written: number } {
  const count = { written: 0 };
  const { stream } = Object(channel.connection);
  const write = stream.write.bind(stream);
  stream.write = (chunk: Buffer, ...more: unknown[]) => {
    const at = chunk.indexOf('\x04longl');
    if (at !== -1) count.written += chunk.write('L', at + 5);
    return write(chunk, ...more);
  };
  return count;
}
