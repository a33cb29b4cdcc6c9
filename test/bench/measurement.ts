/** The median, the least and the greatest value of several repeats. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError when there are no values */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [lower, upper] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  if (lower === undefined || upper === undefined) throw new RangeError('There is no median of nothing');
  return (lower + upper) / 2;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** The ratios of two contestants' values, repeat by repeat, since a disturbance affects both values of a repeat. */
export function ratio(numerators: readonly number[], denominators: readonly number[]): Spread {
  if (numerators.length !== denominators.length) throw new RangeError('Ratios need as many of both');
  return spread(numerators.map((numerator, repeat) => numerator / (denominators[repeat] ?? Number.NaN)));
}

/**
 * Lets the contestants take turns, so that noise affects all of them alike. Each repeat has an order of its own, drawn
 * at random: what one leaves behind, such as a broker that is still busy, shall not always meet the same other one.
 *
 * @returns each contestant's values, repeat by repeat
 */
export async function interleaved<N extends string, T>(
  repeats: number,
  contestants: ReadonlyMap<N, () => Promise<T>>,
): Promise<Map<N, T[]>> {
  const all = [...contestants];
  const measured = new Map<N, T[]>(all.map(([name]) => [name, []]));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [name, measure] of shuffled(all)) measured.get(name)?.push(await measure());
  }
  return measured;
}

/** In an order drawn at random. */
export function shuffled<T>(values: readonly T[]): T[] {
  const drawn = values.map((value) => ({ value, at: Math.random() }));
  return drawn.sort((a, b) => a.at - b.at).map(({ value }) => value);
}

/** The values of a contestant that has had several turns in each repeat, repeat by repeat. */
export function inRepeats<T>(values: readonly T[], turns: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / turns) }, (_, repeat) =>
    values.slice(repeat * turns, (repeat + 1) * turns),
  );
}

/** A number with three significant digits; from 100 on, a whole number with all its digits. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)));
}
