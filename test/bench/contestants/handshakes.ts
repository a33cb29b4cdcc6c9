import { once } from 'node:events';
import { connect } from 'node:tls';
import type { PingEvent } from './bare-call.ts';

// The limit of a cold start on amqplib and Middy: the handshakes that no function can do without, all at once. What need not
// wait is sent with what comes before, and no error is looked at.

const { BROKER_ENDPOINT = '', BROKER_SECRET_ID = '' } = process.env;

const { hostname, port } = new URL(BROKER_ENDPOINT);
const socket = connect({ host: hostname, port: Number(port), servername: hostname });
socket.setNoDelay(true);
socket.once('secureConnect', () => socket.write('AMQP\0\0\x09\x01', 'latin1'));

const { readCredentials } = await import('./signed-secret.ts'); // evaluated while the socket connects
const credentials = readCredentials(BROKER_SECRET_ID);
await once(socket, 'secureConnect');
const { consumeReplies, httpErrorHandler, middy, openConnection, ping } = await import('./at-once.ts'); // while the login is waited for
const opening = { login: credentials, vhost: '/', name: 'limit' };
const channel = await (await openConnection(socket, opening, consumeReplies)).prepared;

export const handler = middy((event: PingEvent) => ping(channel, event)).use(httpErrorHandler());
