import { RabbitMq } from '../../infra/local/rabbitmq.ts';

declare global {
  var rabbit: RabbitMq | undefined;
}

/** Starts the one RabbitMQ that the test files share, each in a virtual host of its own. */
export default async function globalSetup(): Promise<void> {
  globalThis.rabbit = await RabbitMq.start();
  process.env['TEST_BROKER_URL'] = globalThis.rabbit.url;
  process.env['TEST_MANAGEMENT_URL'] = globalThis.rabbit.managementUrl;
}
