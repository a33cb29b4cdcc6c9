import { CodedError } from '../coded-error.ts';
import { cut } from '../excerpt.ts';
import { INSTANCE_ID } from '../guest/topic.ts';

export type SweepRequest = Readonly<ReturnType<typeof readSweepRequest>>;

/** The event names no guest, or no mute, in a form that is known, and does not stand for the whole fleet. */
export class InvalidEvent extends CodedError {
  readonly code = 'invalid_event';
}

/** How much of a malformed id is shown. */
const MAX_SHOWN = 100;

/**
 * Reads what a scheduled event asks for, `{"instance_ids": ["<uuid>", …], "forget": ["<uuid>", …]}`, either of which may be
 * missing. Any other object, such as EventBridge's own, names no guests.
 *
 * @throws InvalidEvent
 */
export function readSweepRequest(event: unknown) {
  const named = readIds(event, 'instance_ids');
  const forget = readIds(event, 'forget');
  if (named.ids.size === 0 && named.malformed.size > 0)
    throw new InvalidEvent(
      `instance_ids has no instance id (a UUID in lower case): ${[...named.malformed].join(', ')}`,
    );
  return {
    /** The guests that the event names, each once; undefined: the event names none, so all guests are meant. */
    instanceIds: named.ids.size > 0 ? [...named.ids] : undefined,
    /** The guests that no longer exist, as an operator says: nothing is remembered of them. */
    forget: [...forget.ids],
    /** What the event names that cannot be an instance id, cut to a showable length. */
    malformed: [...named.malformed, ...forget.malformed],
    /** The ids that the event names more than once. */
    duplicates: [...named.duplicates, ...forget.duplicates],
  };
}

function readIds(event: unknown, field: 'instance_ids' | 'forget') {
  const list = Object(event)[field] ?? [];
  if (!Array.isArray(list)) throw new InvalidEvent(`${field} is not a list of instance ids`);
  const [ids, malformed, duplicates] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const id of list) {
    if (typeof id !== 'string' || !INSTANCE_ID.test(id))
      malformed.add(cut(typeof id === 'string' ? id : JSON.stringify(id), MAX_SHOWN));
    else if (ids.has(id)) duplicates.add(id);
    else ids.add(id);
  }
  return { ids, malformed, duplicates };
}
