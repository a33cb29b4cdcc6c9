// C0 and C1 controls, DEL, the line separators of Unicode, and what changes the direction of text.
const CONTROL = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A text from a guest, a caller or the broker, for a terminal: control characters as `\u001b`, so that the text cannot
 * move the cursor or begin a line that looks like another's.
 */
export function showControlCharacters(text: string): string {
  return text.replaceAll(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
