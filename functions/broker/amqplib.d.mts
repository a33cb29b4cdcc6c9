import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { ChannelModel as ChannelModelOf } from 'amqplib';

/** A frame whose payload is not decoded, and what follows it. */
export interface ParsedFrame {
  readonly payload: Buffer;
  readonly rest: Buffer;
}

/** @returns false where no frame has arrived whole @throws where it is none, or longer than `maxBytes` */
export declare function parseFrame(bytes: Buffer, maxBytes: number): ParsedFrame | false;
/** @throws where the payload is none of AMQP's */
export declare function decodeFrame(frame: ParsedFrame): Frame;

/** A frame as amqplib decodes it. */
export interface Frame {
  /** Of a method: its class id and its method id, of 16 bits each. */
  readonly id?: number;
  readonly channel: number;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type OnFrame = (error: unknown, frame: Frame | null) => void;

/** What amqplib sends in the handshake: `start-ok`, `tune-ok`, `open`. */
export interface OpenFields {
  readonly clientProperties: object;
  readonly mechanism: string;
  readonly response: Buffer;
  readonly locale: string;
  readonly channelMax: number;
  readonly frameMax: number;
  /** In seconds. */
  readonly heartbeat: number;
  /** In bytes; a longer frame closes the connection. */
  readonly maxFrameSize: number;
  readonly virtualHost: string;
  readonly capabilities: '';
  readonly insist: 0;
}

/** A channel, as its connection knows it. */
export interface ConnectedChannel {
  /** Gets the answer to a method; null while none is waited for. */
  readonly reply: MethodReply | null;
  /** The buffer takes more again. */
  onBufferDrain(): void;
  sendImmediately(method: number, fields: object): boolean;
  /** Sends a method when the one before it is answered. */
  sendOrEnqueue(method: number, fields: object, reply: MethodReply): void;
}

export type MethodReply = (error: Error | null, frame: Frame) => unknown;

/** A channel that is open, and what it writes its frames to. */
export interface OpenChannel {
  readonly channel: ConnectedChannel;
  readonly buffer: {
    /** @returns whether it takes more */
    write(frames: Buffer): boolean;
    /** The channel is closed. */
    end(): void;
  };
}

export declare class Connection extends EventEmitter {
  /** By number; the first one is the connection itself, which has no `onBufferDrain`. */
  readonly channels: (OpenChannel | null)[];
  /** The heartbeat agreed on, in seconds; 0: none. Once the connection is open. */
  readonly heartbeat: number;
  /** In bytes; a longer frame is an error. */
  readonly maxFrameSize: number;
  /** What has arrived and is not read. */
  rest: Buffer;
  /** Whether anything has arrived since the last heartbeat was due. */
  recvSinceLastCheck: boolean;
  constructor(stream: Duplex);
  /** Takes part in the handshake. */
  open(fields: OpenFields, onEnd: (error: Error | null) => void): void;
  sendProtocolHeader(): void;
  /** Reads one frame of the handshake. */
  step(onFrame: OnFrame): void;
  /** Reads all frames after the handshake. */
  acceptLoop(): void;
  /** @returns false where no frame has arrived whole @throws as {@link parseFrame} and {@link decodeFrame} */
  recvFrame(): Frame | false;
  accept(frame: Frame): void;
  sendMethod(channel: number, id: number, fields: object): boolean;
  /** @returns the channel's number */
  freshChannel(channel: ConnectedChannel, options?: object): number;
}

export declare const ChannelModel: new (connection: Connection) => ChannelModelOf;
