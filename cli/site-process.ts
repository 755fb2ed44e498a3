/**
 * How the process of a site is started. A site runs for months beside other programs, so it is kept
 * small, but not so small that it sweeps all the time.
 */
import { fileURLToPath } from 'node:url'

/**
 * Content is memory outside the heap that lives for a moment. A small young space lets go of it soon;
 * an old space that begins large enough is not swept again and again for what is outside of it; and
 * the old space grows by less than the platform would let it, which doubles it before it sweeps.
 * Measured with 1 GB over a libp2p stream: 13 → 5 CPU-seconds of both ends.
 */
const flags = [
  '--max-semi-space-size=2',
  '--initial-old-space-size=112',
  '--heap-growing-percent=150',
]

/**
 * Of the C library: threads share two heaps, because each of a dozen would keep what it once needed;
 * and what is freed is kept for the next piece of content, which takes a sixth off a stream.
 */
const pieces = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_TOP_PAD_: String(16 * 1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(64 * 1024 * 1024),
}

/** Compiled code of all homes, so that no start has to load the compiler of types. */
const cache = fileURLToPath(new URL('../node_modules/.cache/crossload', import.meta.url))

/** The arguments of Node and its environment for `file` (node/main) with these arguments. */
export function siteProcess(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { args: string[]; env: Record<string, string | undefined> } {
  return { args: [...flags, file, ...args], env: { ...pieces, NODE_COMPILE_CACHE: cache, ...env } }
}
