/** A setting is missing, is wrong, or contradicts another one; the message is one sentence for the deployer. */
export class InvalidSetting extends Error {
  override readonly name = 'InvalidSetting';
}

/** CDK's context. A value is text from the command line or JSON from a file; an empty value counts as unset. */
export class Context {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** @param kind names in words what `pattern` accepts; the error message quotes this */
  text(name: string, pattern = /^/, kind = 'text'): string | undefined {
    this.#asked.add(name);
    const value = this.#values[name] ?? '';
    if (value === '') return undefined;
    if (!['string', 'number', 'boolean'].includes(typeof value) || !pattern.test(String(value)))
      throw new InvalidSetting(`${name} must be ${kind}.`);
    return String(value);
  }

  /**
   * @param purpose why the setting is needed; the error message quotes this
   * @throws InvalidSetting when the setting is unset
   */
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

  /** @param byDefault undefined: the setting is required */
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

  /**
   * Called after all settings were read.
   *
   * @throws InvalidSetting for a name that was never read. CDK's own names have a `:` or `@`, and pass.
   */
  refuseUnknown(): void {
    const unknown = Object.keys(this.#values).find((name) => /^\w+$/.test(name) && !this.#asked.has(name));
    if (unknown !== undefined)
      throw new InvalidSetting(`${unknown} is not a setting: see infra/README.md, Settings.`);
  }
}
