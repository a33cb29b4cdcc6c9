/** Parses JSON. @returns undefined where the text is something else */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Parses a JSON object. @returns undefined where the text is something else */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  return isRecord(value) ? value : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param text JSON, of which `JSON.parse` takes the last of several values */
export function keyGivenTwice(text: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '}') objects.pop();
    else if (key !== undefined && objects.at(-1)?.has(key)) return key;
    else if (key !== undefined) objects.at(-1)?.add(key);
  }
  return undefined;
}
