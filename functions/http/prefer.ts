/**
 * Reads `wait` of a request's `Prefer` header (RFC 7240): how many whole seconds the caller wants to wait at most.
 * The first one counts, names are case-insensitive, parameters and other preferences are passed over.
 *
 * @returns undefined when `wait` is missing, malformed or 0; the RFC wants nonsense ignored
 */
export function preferredWait(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const isWellFormed = /^(?:"(?:\\.|[^"\\])*"|[^"])*$/.test(header);
  const preferences = (isWellFormed && header.match(/(?:"(?:\\.|[^"\\])*"|[^",])+/g)) || [];
  for (const preference of preferences) {
    const [name = '', value = ''] = (preference.split(';')[0] ?? '').split('=').map((part) => part.trim());
    if (name.toLowerCase() !== 'wait') continue;
    const digits = value.replace(/^"(.*)"$/, '$1');
    return /^\d{1,9}$/.test(digits) && Number(digits) > 0 ? Number(digits) : undefined;
  }
  return undefined;
}
