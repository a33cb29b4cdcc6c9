/**
 * The first of a list, and how many are left out: never one alone, since "and 1 more" takes the room of that one.
 *
 * @param most how many are shown; one more where it would be the only one that is left out
 */
export function excerpt<T>(list: readonly T[], most: number) {
  const shown = list.length === most + 1 ? list : list.slice(0, most);
  return { shown, omitted: list.length - shown.length };
}

/** A text of bounded length. */
export function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

/** ` and 7 more`; nothing where nothing is left out. */
export function andMore(omitted: number): string {
  return omitted > 0 ? ` and ${omitted} more` : '';
}
