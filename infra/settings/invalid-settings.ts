/** Settings are missing, wrong, or contradict each other; the message has a line for each. */
export class InvalidSettings extends Error {
  override readonly name = 'InvalidSettings';

  constructor(problems: readonly string[]) {
    super([...new Set(problems)].join('\n'));
  }
}
