/**
 * A proof of life that many callers share: each waits for one that was started after its call.
 *
 * @param prove asks the broker for a sign of life, and throws when there is none
 */
export function sharedProof(prove: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const afterRunning = async () => {
    await running.catch(() => undefined);
    next = undefined;
    running = prove();
    await running;
  };
  return () => {
    next ??= afterRunning();
    return next;
  };
}
