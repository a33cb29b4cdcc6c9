import { styleText } from 'node:util';
import { showControlCharacters } from './control-characters.ts';

export interface Finding {
  /** `open` cannot be told from here, or is for a person to decide: it fails nothing. */
  readonly kind: 'good' | 'todo' | 'open';
  /** For a person: what is well, or what is wrong and what to do. */
  readonly text: string;
}

export const good = (text: string): Finding => ({ kind: 'good', text });
export const todo = (text: string): Finding => ({ kind: 'todo', text });
export const open = (text: string): Finding => ({ kind: 'open', text });

/** All is well, or there are these problems. */
export function unless(problems: readonly (string | false | undefined)[], well: string): Finding {
  const wrong = problems.filter((problem) => typeof problem === 'string');
  return wrong.length === 0 ? good(`${well}.`) : todo(`${wrong.join('; ')}.`);
}

const MARKS = {
  good: styleText('green', '✔'),
  open: styleText('yellow', '…'),
  todo: styleText('red', '✘'),
} as const satisfies Record<Finding['kind'], string>;

export function print({ kind, text }: Finding): void {
  console.log(`${MARKS[kind]} ${showControlCharacters(text)}`);
}
