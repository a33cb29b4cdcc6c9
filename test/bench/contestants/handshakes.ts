import { once } from 'node:events';
import { connect } from 'node:tls';
import { newCall, type PingEvent, replyQueue, settle } from './bare-call.ts';

// The limit of a cold start: the handshakes that no function can do without, all at once. Every frame is written as it is,
// what need not wait is sent with what comes before, and no error is looked at. amqplib and Middy are loaded and not used.

const { BROKER_ENDPOINT = '', BROKER_SECRET_ID = '' } = process.env;

const [METHOD, HEADER, BODY, FRAME_END] = [1, 2, 3, 0xce];
const [START, TUNE, CONSUME_OK] = [0x0a_000a, 0x0a_001e, 0x3c_0015];

const { hostname, port } = new URL(BROKER_ENDPOINT);
const socket = connect({ host: hostname, port: Number(port), servername: hostname });
socket.setNoDelay(true);
socket.once('secureConnect', () => socket.write('AMQP\0\0\x09\x01', 'latin1'));
const { promise: consuming, resolve: onConsuming } = Promise.withResolvers<void>();
socket.on('data', readFrames());

const { readCredentials } = await import('./signed-secret.ts'); // evaluated while the socket connects
const credentials = readCredentials(BROKER_SECRET_ID);
await once(socket, 'secureConnect');
export const { libraries } = await import('./libraries.ts'); // evaluated while the login is waited for
await consuming;

export async function handler({ pathParameters: { instance_id } }: PingEvent): Promise<object> {
  const { body, result } = newCall();
  const publish = [u32(0x3c_0028), u16(0), short('trove'), short(`guestagent.${instance_id}`), u8(1)];
  const properties = [short('application/json'), short('utf-8'), u32(0), u8(2), u8(0), short('15000')];
  const header = [u16(60), u16(0), u32(0), u32(body.length), u16(0b1111_1001_0000_0000), ...properties];
  socket.write(Buffer.concat([frame(METHOD, 1, publish), frame(HEADER, 1, header), frame(BODY, 1, [body])]));
  return { statusCode: (await result) === null ? 400 : 204 };
}

/** @returns takes what the socket gives */
function readFrames(): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      const length = rest.length < 7 ? Number.POSITIVE_INFINITY : rest.readUInt32BE(3) + 8;
      if (rest.length < length) return;
      onFrame(rest.readUInt8(0), rest.subarray(7, length - 1));
      rest = rest.subarray(length);
    }
  };
}

function onFrame(type: number, payload: Buffer): void {
  if (type === BODY) settle(payload);
  if (type !== METHOD) return;
  const method = payload.readUInt32BE(0);
  if (method === START) void logIn();
  if (method === TUNE) open(payload.subarray(4));
  if (method === CONSUME_OK) onConsuming();
}

async function logIn(): Promise<void> {
  const { username, password } = await credentials;
  const response = Buffer.from(`\0${username}\0${password}`);
  const startOk = [u32(0x0a_000b), u32(0), short('PLAIN'), u32(response.length), response, short('en_US')];
  socket.write(frame(METHOD, 0, startOk));
}

/** Takes what the broker proposes, and opens connection, channel, reply queue and consumer in one write. */
function open(limits: Buffer): void {
  socket.write(
    Buffer.concat([
      frame(METHOD, 0, [u32(0x0a_001f), limits]),
      frame(METHOD, 0, [u32(0x0a_0028), short('/'), short(''), u8(0)]),
      frame(METHOD, 1, [u32(0x14_000a), short('')]),
      frame(METHOD, 1, [u32(0x32_000a), u16(0), short(replyQueue), u8(0b1_0100), u32(0)]), // exclusive, no-wait
      frame(METHOD, 1, [u32(0x3c_0014), u16(0), short(replyQueue), short(''), u8(0b10), u32(0)]), // no-ack
    ]),
  );
}

function frame(type: number, channel: number, parts: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  return Buffer.concat([u8(type), u16(channel), u32(payload.length), payload, u8(FRAME_END)]);
}

function u8(value: number): Buffer {
  return Buffer.of(value);
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function u32(value: number): Buffer {
  return Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
}

function short(text: string): Buffer {
  return Buffer.concat([u8(text.length), Buffer.from(text)]);
}
