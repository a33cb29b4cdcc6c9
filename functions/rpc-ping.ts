import type { Transport } from './oslo/transport.ts';
import { ExecutionEnvironment } from './runtime/execution-environment.ts';
import { InvalidConfig, orInvalidConfig } from './settings/variables.ts';
import { Hops } from './time/hops.ts';

// What init does. Lambda gives it a whole processor, and an invocation only the share of the function's memory; so all that
// can be done ahead is done here, and what takes time elsewhere begins before what takes the processor.
//
//   1. Secrets Manager is asked for the login, and the socket to the broker is connected: DNS, TCP, TLS.
//   2. The rest of the code is evaluated, once the socket is connected: until then the handshakes have the processor.
//   3. With the login, once it is there: AMQP's handshake, channels, the reply queue.
//   4. A ping is rehearsed, so that V8 has compiled the code: as far as it needs no connection in 2, and then as soon as
//      requests can be sent.
//
// 2 takes place while the login is waited for, and 4 while the broker opens what is asked for in 3. If the broker does not
// answer in init, the first invocation dials again.

/** All code but that of step 1. In the bundle it is in the same file. */
const rest = async () => {
  const code = await new Hops().time('load', import('./ping-handler.ts'));
  const openTransport: typeof code.openTransport = (connection, onEnd, limit) =>
    code.openTransport(connection, onEnd, limit, sendable.resolve);
  if (!(environment instanceof InvalidConfig)) rehearsal ??= code.rehearse(environment, sendable.promise);
  return { openConnection: code.openConnection, openTransport };
};

const sendable = Promise.withResolvers<Transport>();
let rehearsal: Promise<void> | undefined;

const environment = orInvalidConfig(() => new ExecutionEnvironment(process.env, rest));
if (!(environment instanceof InvalidConfig)) {
  await environment.connected;
  if (environment.broker.isConnected) await rehearsal;
}
const { pingHandler } = await import('./ping-handler.ts');

/** `GET /v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping`: 204 when the guest answers, else 400. */
export const handler = pingHandler(environment);
