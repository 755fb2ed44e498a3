/**
 * How the process of a site is started. A site runs for months beside other programs, so it is kept
 * small, but not so small that it sweeps all the time.
 */
import { fileURLToPath } from 'node:url'

/**
 * Content is memory outside the heap that lives for a moment. A small young space lets go of it soon;
 * an old space that begins large enough is not swept again and again for what is outside of it; and
 * the old space grows by less than the platform would let it, which doubles it before it sweeps.
 * Measured with 1 GB over a libp2p stream: 13 → 6 CPU-seconds of both ends.
 */
const flags = [
  '--max-semi-space-size=2',
  '--initial-old-space-size=80',
  '--heap-growing-percent=80',
]

/** Threads share one heap of the C library: each of a dozen would keep what it once needed. */
const oneHeap = { MALLOC_ARENA_MAX: '1' }

/** Compiled code of all homes, so that no start has to load the compiler of types. */
const cache = fileURLToPath(new URL('../node_modules/.cache/crossload', import.meta.url))

/** The arguments of Node and its environment for `file` (node/main) with these arguments. */
export function siteProcess(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { args: string[]; env: Record<string, string | undefined> } {
  return { args: [...flags, file, ...args], env: { ...oneHeap, NODE_COMPILE_CACHE: cache, ...env } }
}
