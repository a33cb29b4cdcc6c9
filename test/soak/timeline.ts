/** What was so at each moment. */
export class Timeline<State> {
  readonly #changes: { readonly atMs: number; readonly state: State }[];

  constructor(state: State) {
    this.#changes = [{ atMs: 0, state }];
  }

  get now(): State {
    return this.#last.state;
  }

  set(state: State): void {
    if (state !== this.now) this.#changes.push({ atMs: performance.now(), state });
  }

  /** All that was so in a span of time. */
  during(fromMs: number, toMs: number): Set<State> {
    const states = this.#changes.filter(({ atMs }, index) => {
      const untilMs = this.#changes[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
      return atMs <= toMs && untilMs >= fromMs;
    });
    return new Set(states.map(({ state }) => state));
  }

  /** What was so all the time; undefined where that changed. */
  throughout(fromMs: number, toMs: number): State | undefined {
    const [state, ...others] = this.during(fromMs, toMs);
    return others.length === 0 ? state : undefined;
  }

  /** Each time in which this was so. */
  spans(wanted: State): { readonly fromMs: number; readonly toMs: number }[] {
    return this.#changes.flatMap(({ atMs: fromMs, state }, index) => {
      const toMs = this.#changes[index + 1]?.atMs ?? performance.now();
      return state === wanted ? [{ fromMs, toMs }] : [];
    });
  }

  get #last() {
    return this.#changes[this.#changes.length - 1] as { readonly atMs: number; readonly state: State };
  }
}
