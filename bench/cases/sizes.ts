/** The sizes that several cases share, as promised and for the smoke test. */
import type { Bench } from '../case.ts'

const mib = 1024 * 1024

export const largeBytes = (bench: Bench) => bench.sized(2e9, 4 * mib)
export const smallFiles = (bench: Bench) => bench.sized(50_000, 40)
export const smallBytes = 4096
