import type { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';

/** Raises a broker's memory alarm, or clears it. */
export function setMemoryAlarm(rabbit: RabbitMqServer, isRaised: boolean): Promise<void> {
  const watermark = isRaised ? 0.000001 : 0.4; // of the machine's memory
  const set = `vm_memory_monitor:set_vm_memory_high_watermark(${watermark.toFixed(6)})`;
  return rabbit.eval(`${set}, rabbit_alarm:get_alarms()`); // which waits until the alarm is known
}
