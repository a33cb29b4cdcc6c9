import { randomBytes } from 'node:crypto';

const DIGITS = 32;
const IDS_A_DRAW = 128;

let drawn = '';
let at = 0;

/**
 * 32 hex digits, as Python's `uuid4().hex`: 128 bits of the system's generator, so that nobody guesses the id of another
 * call. Drawn in bulk, since a draw costs more than its bytes.
 */
export function randomId(): string {
  if (at === drawn.length) {
    drawn = randomBytes((IDS_A_DRAW * DIGITS) / 2).toString('hex');
    at = 0;
  }
  at += DIGITS;
  return drawn.slice(at - DIGITS, at);
}
