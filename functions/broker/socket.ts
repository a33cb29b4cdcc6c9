import { connect as connectTcp, isIP, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Hops } from '../time/hops.ts';
import type { BrokerEndpoint } from './address.ts';

/** What a client of AMQP 0-9-1 sends first; the broker then says, by `connection.start`, how it may log in. */
const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

// Node tests each host's name by a large expression. V8 compiles such an expression for a long text to machine code at once,
// and for a short one to bytecode before, which takes three times as long: 3 ms of a cold start.
isIPv6('-'.repeat(1000));

/**
 * Connects to the broker and sends the protocol header, for which nobody need know the login.
 *
 * @param signal destroys the socket at any time
 * @param hops gets `dns`, `tcp` and `tls`
 * @throws Node's error
 */
export function connectSocket(
  { protocol, hostname, port }: BrokerEndpoint,
  signal: AbortSignal,
  hops: Hops,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const isTls = protocol === 'amqps';
  const servername = isIP(hostname) ? '' : hostname;
  hops.begin(servername ? 'dns' : 'tcp');
  const options = { host: hostname, port, signal };
  const socket = isTls ? connectTls({ ...options, servername }) : connectTcp(options);
  socket.setNoDelay(true);
  socket.once('lookup', (error) => error ?? hops.begin('tcp'));
  if (isTls) socket.once('connect', () => hops.begin('tls'));
  socket.once(isTls ? 'secureConnect' : 'connect', () => {
    hops.end();
    socket.write(PROTOCOL_HEADER);
    resolve(socket);
  });
  socket.on('error', reject); // also later ones, which would be thrown without a listener
  return promise;
}
