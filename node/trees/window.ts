/** A few at a time, in order: while one result is used, the next ones are being made. */

/**
 * Calls `run` for what `source` yields, at most `limit` at a time, and yields the results in the order
 * of the source. When one fails, or the reader stops, the others are awaited before it ends, so nothing
 * runs on behind the caller's back.
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  limit: number,
  run: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = []
  try {
    for await (const item of source) {
      const result = run(item)
      // Its failure is seen when its turn comes; until then it is not unhandled.
      result.catch(() => {})
      running.push(result)
      if (running.length >= limit) yield await running.shift()!
    }
    while (running.length > 0) yield await running.shift()!
  } finally {
    await Promise.allSettled(running)
  }
}

/**
 * Buffers of one size, used again and again, so that memory stays flat whatever passes through. They
 * are shared memory: a thread may be given one to look at.
 */
export function createBuffers(bytes: number): {
  use<T>(run: (buffer: Uint8Array) => Promise<T>): Promise<T>
} {
  const idle: Uint8Array[] = []
  return {
    async use(run) {
      const buffer = idle.pop() ?? new Uint8Array(new SharedArrayBuffer(bytes))
      try {
        return await run(buffer)
      } finally {
        idle.push(buffer)
      }
    },
  }
}
