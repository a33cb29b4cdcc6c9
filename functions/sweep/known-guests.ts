import { instanceIdOf } from '../guest/topic.ts';
import type { Deadline } from '../time/deadline.ts';

/** Lists names on the broker, each of which may be a guest's topic, in any order and more than once. */
export type ListNames = (deadline: Deadline) => Promise<readonly string[]>;

/**
 * Where the guests' topics are found: the routing keys of what is bound to the control exchange, and the names of all queues,
 * which are more to list, and of which one whose broker node is down may be missing.
 */
type Directory = 'bindings' | 'queues';

/** The fleet, as it was listed just now, or when listing last succeeded; `nowhere`: it never did. */
export interface Listing {
  /** The guests' instance ids. */
  readonly guests: ReadonlySet<string>;
  readonly from: Directory | 'last_list' | 'nowhere';
  /** Why the guests were not found a better way. */
  readonly problem?: string;
  /** Of the last list: milliseconds since it was made. */
  readonly ageMs?: number;
}

/**
 * Lists the guests that the broker knows: those bound to the control exchange; where that names none or fails, those that
 * have a queue; and where that fails too, those of the last list in this execution environment.
 */
export function guestLister(
  directories: Readonly<Record<Directory, ListNames>>,
): (deadline: Deadline) => Promise<Listing> {
  let last: { readonly guests: ReadonlySet<string>; readonly at: number } | undefined;
  return async (deadline) => {
    let problem: string | undefined;
    for (const from of ['bindings', 'queues'] as const) {
      try {
        const names = await directories[from](deadline);
        const guests = new Set(names.flatMap((name) => instanceIdOf(name) ?? []));
        if (guests.size === 0 && from === 'bindings') continue; // RabbitMQ says the same of an exchange that is missing
        last = { guests, at: Date.now() };
        return { guests, from, ...(problem !== undefined && { problem }) };
      } catch (error) {
        problem ??= error instanceof Error ? error.message : String(error);
      }
    }
    if (last === undefined)
      return { guests: new Set(), from: 'nowhere', problem: `The guests cannot be listed: ${problem}` };
    const { guests, at } = last;
    return { guests, from: 'last_list', problem: problem ?? '', ageMs: Date.now() - at };
  };
}
