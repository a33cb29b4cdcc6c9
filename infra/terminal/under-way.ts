/** How long nothing is printed at most, in milliseconds. */
const SILENCE_MS = 2500;

/** Prints what is under way, and again every few seconds until that is done. */
export async function underWay<Result>(what: string, work: Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1000);
  console.log(`${what} …`);
  const timer = setInterval(() => console.log(`${what} … ${seconds()} s`), SILENCE_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
