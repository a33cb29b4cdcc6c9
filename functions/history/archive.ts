import { openHistoryStore, type StateLocation } from '../store/state-location.ts';
import { StateConflict, StateUnavailable, type StoredText } from '../store/state-store.ts';
import type { Deadline } from '../time/deadline.ts';
import { type HistoryLine, parseHistoryLine } from './history-line.ts';

/** How often a writer tries to add its lines while others add theirs. */
const ATTEMPTS = 3;

/** Lines that were added, though the answer was lost, are looked for in so many characters at the end: twice what waits in a state, and more. */
const TAIL = 4 * 1024 * 1024;

/** What has changed, month by month: a file `YYYY-MM.jsonl` each. */
export class Archive {
  readonly #location: StateLocation;

  /** @param location of the state, beside which the files are */
  constructor(location: StateLocation) {
    this.#location = location;
  }

  /** Adds lines; those that are there already, since an answer was lost, are not added twice. @throws StateUnavailable, StateConflict */
  async file(lines: readonly HistoryLine[], deadline: Deadline): Promise<void> {
    const months = Map.groupBy(lines, ({ at }) => monthOf(at));
    for (const [month, some] of months) await this.#add(month, some, deadline);
  }

  async #add(month: string, lines: readonly HistoryLine[], deadline: Deadline): Promise<void> {
    const store = openHistoryStore(this.#location, month);
    for (let attempt = 1; ; attempt++) {
      const stored = await store.read(deadline);
      const text = textOf(month, stored);
      const known = new Set(text.slice(-TAIL).split('\n'));
      const added = lines.map((line) => JSON.stringify(line)).filter((line) => !known.has(line));
      if (added.length === 0) return;
      try {
        const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`; // half a line spoils no other
        await store.replace(stored?.version, `${whole}${added.join('\n')}\n`, deadline);
        return;
      } catch (error) {
        if (!(error instanceof StateConflict) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Reads what has changed since a moment, oldest first; a damaged line is left out.
   *
   * @param id of the one guest that is asked about; by default all are
   * @throws StateUnavailable
   */
  async read(since: Date, until: Date, deadline: Deadline, id = ''): Promise<HistoryLine[]> {
    const lines: HistoryLine[] = [];
    const asked = new RegExp(`^.*${id}.*$`, 'gm'); // a month may have 170,000 others, of which none is copied
    for (const month of monthsFrom(since, until)) {
      const text = textOf(month, await openHistoryStore(this.#location, month).read(deadline));
      for (const [line] of text.matchAll(asked)) {
        const parsed = parseHistoryLine(line);
        if (parsed && parsed.at >= since.toISOString()) lines.push(parsed);
      }
    }
    return lines;
  }
}

/** @throws StateUnavailable for a file that is too large, or no text, such as one that was compressed */
function textOf(month: string, { text, isTooLarge }: StoredText = { text: '', version: '' }): string {
  if (isTooLarge) throw new StateUnavailable(`The history of ${month} is full`, 'EntityTooLarge');
  if (text.slice(0, 4).includes('\ufffd'))
    throw new StateUnavailable(`The history of ${month} is not UTF-8: unpack or restore it`, 'NotText');
  return text;
}

function monthOf(at: string): string {
  return at.slice(0, 7);
}

/** In UTC. */
function* monthsFrom(since: Date, until: Date): Iterable<string> {
  const start = new Date(Date.UTC(since.getUTCFullYear(), since.getUTCMonth()));
  for (; start <= until; start.setUTCMonth(start.getUTCMonth() + 1)) yield monthOf(start.toISOString());
}
