import type { ChannelModel } from 'amqplib';
import { MAX_REPLY_BYTES } from './message.ts';

/** The header of a message whose body was cut: how many bytes long it was. */
export const CUT_HEADER = 'x-cut-from-bytes';

/** How much of a longer body is left. */
const END_BYTES = 4096;

/** AMQP 0-9-1's frame types, and the class id of `basic`, whose header frames amqplib calls BasicProperties. */
const FRAME_HEADER = 2;
const BASIC = 60;
/** Type, channel, size, and the end of a frame. */
const FRAME_OVERHEAD = 8;

/** The header `compression`, of the type of a long string, as it is encoded. */
const COMPRESSION = Buffer.from('\x0bcompressionS');

/** A frame as amqplib decodes it: a method, a message's header, or a part of a message's body. */
interface Frame {
  readonly id?: number;
  readonly channel: number;
  readonly size?: number;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly content?: Buffer;
}

/** amqplib's connection, which its types omit: reads the next frame, if one has arrived whole. */
interface FrameReader {
  /** What has arrived and is not read. */
  rest: Buffer;
  recvFrame(): Frame | false;
}

/** A body of which only the end is passed on. */
interface Cut {
  leftBytes: number;
  readonly end: Buffer;
}

/**
 * Keeps what one message holds from hurting all others of its connection: a header that amqplib cannot decode (integers
 * with the tag `L`, deep nesting) would end the connection, and a body of any length would be kept in memory. Such a header
 * is replaced by one with its compression alone; of a long body the end is passed on, in which oslo.messaging writes the id.
 *
 * @throws where amqplib has no such reader any more
 */
export function limitMessages(connection: ChannelModel): void {
  const reader: unknown = connection.connection;
  if (!isFrameReader(reader)) throw new Error("amqplib's connection reads no frames");
  const recvFrame = reader.recvFrame.bind(reader);
  const cuts = new Map<number, Cut>();
  reader.recvFrame = () => {
    for (;;) {
      const frame = readFrame(reader, recvFrame);
      const passed = frame && limited(frame, cuts);
      if (passed !== undefined) return passed;
    }
  };
}

/** As amqplib does, but for a header frame that it cannot decode, which it has passed by already when it throws. */
function readFrame(reader: FrameReader, recvFrame: () => Frame | false): Frame | false {
  const { rest } = reader;
  try {
    return recvFrame();
  } catch (error) {
    if (reader.rest === rest || rest.readUInt8(0) !== FRAME_HEADER) throw error;
    const header = rest.subarray(0, FRAME_OVERHEAD + rest.readUInt32BE(3));
    const fields = { headers: compressionIn(header) };
    return { id: BASIC, channel: header.readUInt16BE(1), size: Number(header.readBigUInt64BE(11)), fields };
  }
}

/** The one header that matters, of a frame that cannot be decoded: without it, a compressed body is not recognized. */
function compressionIn(header: Buffer): { compression?: string } {
  const at = header.indexOf(COMPRESSION);
  if (at === -1) return {};
  const start = at + COMPRESSION.length + 4;
  const length = header.readUInt32BE(start - 4);
  return { compression: header.toString('latin1', start, start + Math.min(length, 64)) };
}

/** @returns undefined for a frame that is not passed on */
function limited(frame: Frame, cuts: Map<number, Cut>): Frame | undefined {
  const { channel, size, fields, content } = frame;
  if (size !== undefined && size > MAX_REPLY_BYTES) {
    cuts.set(channel, { leftBytes: size, end: Buffer.alloc(END_BYTES) });
    const headers = { ...Object(fields?.['headers']), [CUT_HEADER]: size };
    return { ...frame, size: END_BYTES, fields: { ...fields, headers } };
  }
  const cut = content && cuts.get(channel);
  if (content === undefined || cut === undefined) return frame;
  const kept = content.subarray(-END_BYTES);
  cut.end.copyWithin(0, kept.length);
  kept.copy(cut.end, END_BYTES - kept.length);
  cut.leftBytes -= content.length;
  if (cut.leftBytes > 0) return undefined;
  cuts.delete(channel);
  return { channel, content: cut.end };
}

function isFrameReader(value: unknown): value is FrameReader {
  return typeof value === 'object' && value !== null && 'recvFrame' in value && 'rest' in value;
}
