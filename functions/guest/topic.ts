/** As Trove writes instance ids: a UUID in lower case. */
export const INSTANCE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const PREFIX = 'guestagent.';

/** A guest's topic: its routing key on the control exchange, and the name of its queue. */
export function topicOf(instanceId: string): string {
  return PREFIX + instanceId;
}

/** @returns the instance's id; undefined where the text is no guest's topic */
export function instanceIdOf(topic: string): string | undefined {
  const id = topic.slice(PREFIX.length);
  return topic.startsWith(PREFIX) && INSTANCE_ID.test(id) ? id : undefined;
}
