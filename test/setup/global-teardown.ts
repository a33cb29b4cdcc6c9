export default async function globalTeardown(): Promise<void> {
  await globalThis.rabbit?.stop();
  await globalThis.stack?.remove();
}
