import { formatTime } from '../time/format.ts';

/** Escaped markup. Only {@link html} makes it, so that a string is never taken for markup. */
export class Html {
  readonly #markup: string;

  constructor(literals: readonly string[], values: readonly Content[]) {
    this.#markup = literals.map((literal, index) => literal + escaped(values[index])).join('');
  }

  toString(): string {
    return this.#markup;
  }
}

/** A value of a template: a list is joined, undefined is left out. */
export type Content = string | number | Html | undefined | readonly Content[];

/** A template of HTML or SVG. Values are escaped, also for an attribute in quotes, unless they are {@link Html}. */
export function html(literals: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(literals, values);
}

/** A moment (ISO 8601, UTC) for people, with the exact one in an attribute. */
export function timeElement(moment: string, nowMs: number): Html {
  return html`<time datetime="${moment}">${formatTime(moment, nowMs)}</time>`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 guest`, `1,200 guests`. */
export function guestCount(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'guest' : 'guests'}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Html) return String(content);
  if (typeof content === 'object') return content.map(escaped).join('');
  return String(content).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
