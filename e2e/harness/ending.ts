/** How long one part of a scene may take to come to its end. */
const LIMIT_MS = 180_000;

/** Ends a part when its scene ends. One that does not come to its end is told by its name, and holds nothing else up. */
export function owned<T extends AsyncDisposable>(undo: AsyncDisposableStack, what: string, part: T): T {
  undo.defer(() => within(what, part[Symbol.asyncDispose]()));
  return part;
}

async function within(what: string, ending: PromiseLike<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const limit = setTimeout(() => late.reject(new Error(`${what} did not end within ${LIMIT_MS} ms`)), LIMIT_MS);
  try {
    await Promise.race([ending, late.promise]);
  } finally {
    clearTimeout(limit);
  }
}
