import { instanceIdOf } from '../guest/topic.ts';
import type { Listeners } from '../oslo/inspector.ts';
import type { Deadline } from '../time/deadline.ts';

/** A queue as the broker lists it. */
export interface ListedQueue {
  readonly name: string;
  readonly consumers: number | undefined;
  readonly messages: number | undefined;
}

/** Lists the queues whose names match a regular expression. */
export type ListQueues = (pattern: string, deadline: Deadline) => Promise<readonly ListedQueue[]>;

/** The guests to be pinged, by instance id, each with who listens on its queue, where that is known. */
export type Guests = ReadonlyMap<string, Listeners | undefined>;

/** The fleet, as it was listed just now, or when listing last succeeded. */
export interface Listing {
  readonly guests: Guests;
  /** Why an older list had to be taken. */
  readonly problem?: string;
  /** Milliseconds since the list was made. */
  readonly ageMs: number;
}

/** The guests cannot be listed, and never were. */
export class FleetUnknown extends Error {
  override readonly name = 'FleetUnknown';
  readonly code = 'fleet_unknown';
}

/** For the broker, as a regular expression; a guest has two more queues, with longer names. */
const QUEUE_PATTERN = '^guestagent\\.[0-9a-f-]{36}$';

/** All guests that have a queue on the broker. An execution environment remembers them. */
export class Fleet {
  readonly #listQueues: ListQueues;
  #last: { readonly ids: readonly string[]; readonly at: number } | undefined;

  constructor(listQueues: ListQueues) {
    this.#listQueues = listQueues;
  }

  /**
   * Lists the guests; where the broker gives no list, the last known one is taken.
   *
   * @throws FleetUnknown
   */
  async list(deadline: Deadline): Promise<Listing> {
    try {
      const guests = guestsOf(await this.#listQueues(QUEUE_PATTERN, deadline));
      this.#last = { ids: [...guests.keys()], at: Date.now() };
      return { guests, ageMs: 0 };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (this.#last === undefined)
        throw new FleetUnknown(`The guests cannot be listed: ${problem}`, { cause: error });
      const { ids, at } = this.#last;
      return { guests: new Map(ids.map((id) => [id, undefined])), problem, ageMs: Date.now() - at };
    }
  }
}

function guestsOf(queues: readonly ListedQueue[]): Map<string, Listeners | undefined> {
  const guests = new Map<string, Listeners | undefined>();
  for (const { name, consumers, messages = 0 } of queues) {
    const id = instanceIdOf(name);
    if (id === undefined) continue;
    guests.set(id, consumers === undefined ? undefined : { consumers, messages });
  }
  return guests;
}
