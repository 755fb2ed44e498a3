/**
 * Loaded into a site before anything of its own (`--import`), so that a test can ask how long the
 * event loop of the real process stood still. Asked with SIGUSR2; the answer is a file, and what
 * comes after is measured anew.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

export type Pauses = {
  /** The longest pause on the wall's clock, in milliseconds: other programs' work counts as well. */
  longestMs: number
  /** What 999 of 1000 looks at the loop found at most. */
  p999Ms: number
  /** The most time on the processor that the site's own thread took without letting anybody else run. */
  busiestMs: number
}

const file = process.env.CROSSLOAD_TEST_PAUSES
const everyMs = 1

if (isMainThread && file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: everyMs })
  let busiest = 0
  let before = process.threadCpuUsage()
  setInterval(() => {
    const used = process.threadCpuUsage(before)
    busiest = Math.max(busiest, used.user + used.system)
    before = process.threadCpuUsage()
  }, everyMs).unref()
  delay.enable()
  process.on('SIGUSR2', () => {
    const pauses: Pauses = {
      longestMs: delay.max / 1e6,
      p999Ms: delay.percentile(99.9) / 1e6,
      busiestMs: busiest / 1000,
    }
    writeFileSync(`${file}.new`, JSON.stringify(pauses))
    renameSync(`${file}.new`, file)
    delay.reset()
    busiest = 0
    before = process.threadCpuUsage()
  })
}
