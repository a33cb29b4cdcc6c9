// A handler that imports nothing and does nothing: what runtime and process alone take.

export async function handler(): Promise<object> {
  return { statusCode: 204 };
}
