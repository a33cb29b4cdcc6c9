// The parts of amqplib below its `connect`, which makes its socket itself and wants the login before it does. They are no
// API of amqplib's, which may change them: test/broker/connection.test.ts holds what is relied on.
export { ChannelModel } from '../../node_modules/amqplib/lib/channel_model.js';
export { Connection } from '../../node_modules/amqplib/lib/connection.js';
export { decodeFrame, parseFrame } from '../../node_modules/amqplib/lib/frame.js';
