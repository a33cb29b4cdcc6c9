/** A setting is missing, wrong, or contradicts another: one clear sentence. */
export class InvalidSetting extends Error {
  override readonly name = 'InvalidSetting';
}

/** CDK's context, whose values are text from the command line or JSON from a file. An empty one counts as unset. */
export class Context {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** @param kind what the text must be, in words, where a pattern is given */
  text(name: string, pattern = /^/, kind = 'text'): string | undefined {
    this.#asked.add(name);
    const value = this.#values[name] ?? '';
    if (value === '') return undefined;
    if (!['string', 'number', 'boolean'].includes(typeof value) || !pattern.test(String(value)))
      throw new InvalidSetting(`${name} must be ${kind}.`);
    return String(value);
  }

  /** @throws InvalidSetting where it is unset; `purpose` says what it is needed for */
  requiredText(name: string, purpose: string, pattern?: RegExp, kind?: string): string {
    const value = this.text(name, pattern, kind);
    if (value === undefined) throw new InvalidSetting(`${name} is missing: ${purpose}.`);
    return value;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    const chosen = choices.find((choice) => choice === value);
    if (value !== undefined && chosen === undefined)
      throw new InvalidSetting(`${name} must be ${choices.join(' or ')}.`);
    return chosen;
  }

  boolean(name: string): boolean {
    return this.choice(name, ['true', 'false']) === 'true';
  }

  /** @param byDefault undefined: it must be set */
  number(name: string, byDefault: number | undefined, from: number, to: number): number {
    const text = this.text(name);
    const value = text === undefined ? byDefault : Number(text);
    if (value === undefined) throw new InvalidSetting(`${name} is missing: its default is not known here.`);
    if (!(value >= from && value <= to))
      throw new InvalidSetting(`${name} must be a number from ${from} to ${to}.`);
    return value;
  }

  integer(name: string, byDefault: number | undefined, from: number, to: number): number {
    const value = this.number(name, byDefault, from, to);
    if (!Number.isInteger(value)) throw new InvalidSetting(`${name} must be a whole number.`);
    return value;
  }

  /** To be called last. @throws InvalidSetting for a name that nobody asked for; CDK's own have a `:` or `@` */
  refuseUnknown(): void {
    const unknown = Object.keys(this.#values).find((name) => /^\w+$/.test(name) && !this.#asked.has(name));
    if (unknown !== undefined)
      throw new InvalidSetting(`${unknown} is no setting: see infra/README.md, Settings.`);
  }
}
