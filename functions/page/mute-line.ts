import type { Mute } from '../changes/fleet-state.ts';
import { cut } from '../excerpt.ts';
import { type Html, html, timeElement } from './html.ts';

const MAX_TEXT = 200;

/** A mute as a sentence: of what, until when, by whom and why. */
export function muteLine({ target, until, author, note }: Mute, nowMs: number): Html {
  const who = [author && `by ${cut(author, MAX_TEXT)}`, note && cut(note, MAX_TEXT)]
    .filter(Boolean)
    .join(': ');
  return html`<p class="facts"><b class="warn">Muted</b>: ${cut(target, MAX_TEXT)} until ${timeElement(until, nowMs)} UTC${who && `, ${who}`}</p>`;
}
