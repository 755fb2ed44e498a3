/**
 * Long work that never waits for the disk would keep everybody else waiting: it takes a breath now and
 * then. How long it has been going is measured, since a step may be a short one or a long one; nothing
 * but the moment of the breath depends on it, so it is no business of the clock's.
 */

/** How long work goes on without a breath, in milliseconds, and what one step may then add to it. */
export const breathMs = 10

/**
 * Call it between steps that are short themselves: it answers undefined when there is no need, else
 * what to wait for.
 */
export type Breath = () => Promise<void> | undefined

export function createBreath(): Breath {
  let since = performance.now()
  return () => {
    if (performance.now() - since < breathMs) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now()
        resolve()
      })
    })
  }
}
