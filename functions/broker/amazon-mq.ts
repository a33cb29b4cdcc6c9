import type { MqClient } from '@aws-sdk/client-mq';
import type { Deadline } from '../time/deadline.ts';
import { parseEndpoint } from './address.ts';
import { BrokerUnknown } from './errors.ts';

/** DescribeBroker answers within a second, or is not reached. */
const MAX_TIMEOUT_MS = 3000;

/**
 * Asks Amazon MQ's DescribeBroker, for at most 3 s. Loads the SDK's client when called, since that client costs
 * more than a whole cold start.
 *
 * @returns the broker's endpoint, and its state, such as `RUNNING` or `REBOOT_IN_PROGRESS`
 * @throws BrokerUnknown
 */
export async function describeBroker(brokerId: string, deadline: Deadline) {
  let client: MqClient | undefined;
  try {
    const sdk = await import('@aws-sdk/client-mq');
    const abortSignal = deadline.within(MAX_TIMEOUT_MS).signal();
    const command = new sdk.DescribeBrokerCommand({ BrokerId: brokerId });
    client = new sdk.MqClient({});
    const { BrokerState: state, BrokerInstances: [instance] = [] } = await client.send(command, {
      abortSignal,
    });
    const urls = instance?.Endpoints ?? [];
    return { state, endpoint: urls.map(parseEndpoint).find((endpoint) => endpoint?.protocol === 'amqps') };
  } catch (error) {
    throw new BrokerUnknown(brokerId, error instanceof Error ? error.name : 'Error', { cause: error });
  } finally {
    client?.destroy();
  }
}
