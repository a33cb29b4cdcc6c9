import { ExecutionEnvironment } from './runtime/execution-environment.ts';
import { InvalidConfig, orInvalidConfig } from './settings/variables.ts';
import { beforeDeadline, Deadline } from './time/deadline.ts';
import { Hops } from './time/hops.ts';

/** How long init waits for the rehearsal once there is a connection, in milliseconds: the broker has had the request for a while. */
const REHEARSAL_WAIT_MS = 300;

// What init does. Lambda gives it a whole processor, and an invocation only the share of the function's memory; so all that
// can be done ahead is done here, and what takes time elsewhere begins before what takes the processor.
//
//   1. Secrets Manager is asked for the login, and the socket to the broker is connected: DNS, TCP, TLS.
//   2. The rest of the code is evaluated, once the socket is connected: until then the handshakes have the processor.
//   3. Channels and the reply queue are asked for, and a ping is rehearsed, so that V8 has compiled the code. All of this is
//      sent with `connection.open`.
//   4. AMQP's handshake goes on once the login is there.
//
// 2 and 3 take place while the login is waited for. If the broker does not answer in init, the first invocation dials again.

/** All code but that of step 1. In the bundle it is in the same file. */
const rest = async () => {
  const { openConnection, openTransport, rehearse } = await new Hops().time(
    'load',
    import('./ping-handler.ts'),
  );
  const openAndRehearse: typeof openTransport = (connection, onEnd, limit) =>
    openTransport(connection, onEnd, limit, (transport) => {
      if (isInit && !(environment instanceof InvalidConfig)) rehearsal = rehearse(environment, transport);
    });
  return { openConnection, openTransport: openAndRehearse };
};

let isInit = true;
let rehearsal: Promise<void> | undefined;

const environment = orInvalidConfig(() => new ExecutionEnvironment(process.env, rest));
if (!(environment instanceof InvalidConfig)) {
  await environment.connected;
  isInit = false;
  if (environment.broker.isConnected && rehearsal !== undefined)
    await environment.initHops.time('rehearsal', beforeDeadline(rehearsal, Deadline.in(REHEARSAL_WAIT_MS)));
}
const { pingHandler } = await import('./ping-handler.ts');

/** `GET /v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping`: 204 when the guest answers, else 400. */
export const handler = pingHandler(environment);
