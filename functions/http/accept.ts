/**
 * The media type that the caller likes best; of those that it likes alike, the one that is offered first. Parameters other
 * than `q` do not count. Who accepts none of them gets the first, too.
 *
 * @param offered such as `text/plain`
 */
export function preferredType<Type extends string>(
  accept: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type {
  const wanted = weighted(accept ?? '*/*');
  const weightOf = (type: Type) => {
    const patterns = [type, type.replace(/\/.*/, '/*'), '*/*'];
    const matching = patterns.map((pattern) => wanted.filter(({ name }) => name === pattern));
    const best = matching.find(({ length }) => length > 0) ?? [];
    return Math.max(0, ...best.map(({ weight }) => weight));
  };
  return offered.reduce((best, type) => (weightOf(type) > weightOf(best) ? type : best));
}

/** Whether a body may be compressed. @param acceptEncoding the header */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const wanted = weighted(acceptEncoding ?? '');
  const found = wanted.find(({ name }) => name === 'gzip') ?? wanted.find(({ name }) => name === '*');
  return found !== undefined && found.weight > 0;
}

/** The items of `Accept` or `Accept-Encoding` (RFC 9110) without their parameters, in lower case, and their weights from 0 to 1. */
function weighted(header: string) {
  return header.split(',').map((item) => {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    const number = Number(weight?.slice(2) ?? 1);
    return { name, weight: number >= 0 && number <= 1 ? number : 0 };
  });
}
