/** How long the disk takes to make a record of the journal durable: what every change waits for. */
import { Histogram, type Registry } from 'prom-client'
import type { OpenLogFile } from '../journal/log-file.ts'

/** Seconds: from a good disk to one that is failing. */
const buckets = [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5]

/** The same files, with each flush measured. The clock's milliseconds are too coarse for a good disk. */
export function timeFlushes(registry: Registry, open: OpenLogFile): OpenLogFile {
  const flushes = new Histogram({
    name: 'crossload_journal_flush_seconds',
    help: 'How long a flush of the journal took.',
    buckets,
    registers: [registry],
  })
  return async (path) => {
    const file = await open(path)
    return {
      ...file,
      async flush() {
        const began = performance.now()
        await file.flush()
        flushes.observe((performance.now() - began) / 1000)
      },
    }
  }
}
