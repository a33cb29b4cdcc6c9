/** How kombu's `kombu_compression` names its methods in the header `compression`; `gzip` there is zlib (RFC 1950). */
const READERS = {
  'application/x-gzip': 'inflateSync',
  'application/x-brotli': 'brotliDecompressSync',
  'application/zstd': 'zstdDecompressSync',
} as const;

/** Those that Node cannot read. */
const UNREADABLE: Readonly<Record<string, string>> = {
  'application/x-bz2': 'bzip2',
  'application/x-lzma': 'lzma',
};

/**
 * A message's body as it was before it was compressed.
 *
 * @param method the message's header `compression`
 * @param maxBytes how long the body may be
 * @returns a text that says what is wrong, where the body cannot be read
 */
export function uncompressed(body: Buffer, method: string, maxBytes: number): Buffer | string {
  if (!isReadable(method)) {
    const name = UNREADABLE[method] ?? 'a method that is not known';
    return `it is compressed with ${name}: set kombu_compression to gzip, or unset it, in the agent's [oslo_messaging_rabbit]`;
  }
  // Not imported: what loading zlib takes would be part of each cold start.
  const zlib = process.getBuiltinModule('node:zlib');
  try {
    return zlib[READERS[method]](body, { maxOutputLength: maxBytes });
  } catch (error) {
    const isTooLong = Object(error).code === 'ERR_BUFFER_TOO_LARGE';
    return isTooLong ? `it unpacks to more than ${maxBytes} bytes` : `it is no ${method}`;
  }
}

function isReadable(method: string): method is keyof typeof READERS {
  return Object.hasOwn(READERS, method);
}
