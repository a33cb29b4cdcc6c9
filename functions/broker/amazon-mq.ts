import type { MqClient } from '@aws-sdk/client-mq';
import { type BrokerEndpoint, parseEndpoint } from './address.ts';

/** What Amazon MQ knows of a broker. */
export interface BrokerDescription {
  /** Amazon MQ's state, such as `RUNNING` or `REBOOT_IN_PROGRESS`. */
  readonly state: string | undefined;
  readonly endpoint: BrokerEndpoint | undefined;
}

/** Amazon MQ could not be asked about the broker. `code` is its exception's name. */
export class BrokerUnknown extends Error {
  readonly code: string;

  constructor(brokerId: string, code: string, options?: ErrorOptions) {
    super(`Amazon MQ does not describe the broker ${brokerId}: ${code}`, options);
    this.code = code;
  }
}

/**
 * Asks Amazon MQ's DescribeBroker. Loads the SDK's client when called, for it costs more than a whole cold start.
 *
 * @param timeoutMs how long it may take, in milliseconds
 * @throws BrokerUnknown
 */
export async function describeBroker(brokerId: string, timeoutMs: number): Promise<BrokerDescription> {
  let client: MqClient | undefined;
  try {
    const sdk = await import('@aws-sdk/client-mq');
    const abortSignal = AbortSignal.timeout(Math.max(0, Math.floor(timeoutMs)));
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
