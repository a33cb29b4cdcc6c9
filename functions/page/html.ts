/** Markup that is escaped already. Only {@link html} makes any, so a mere string is never taken for markup. */
export class Html {
  readonly #markup: string;

  private constructor(markup: string) {
    this.#markup = markup;
  }

  /** Not for callers: see {@link html}. */
  static filledIn(literals: readonly string[], values: readonly Content[]): Html {
    return new Html(literals.map((literal, index) => literal + escaped(values[index])).join(''));
  }

  toString(): string {
    return this.#markup;
  }
}

/** What can be put into a template; a list is joined, and undefined is nothing. */
export type Content = string | number | Html | undefined | readonly Content[];

/** A template of HTML or SVG. What is put into it is escaped, also for an attribute in quotes; markup stays as it is. */
export function html(literals: TemplateStringsArray, ...values: readonly Content[]): Html {
  return Html.filledIn(literals, values);
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
