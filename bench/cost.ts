/**
 * What work costs, read from /proc: CPU-seconds of processes with all that they started, whether it
 * lives or has ended, and resident memory. Works on Linux only, as the bench does.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** Clock ticks a second in /proc, the same on every Linux that Node runs on. */
const ticks = 100

export type Cost = { readonly wall: number; readonly cpu: number }

const read = (path: string) => readFile(path, 'utf8').catch(() => '')

async function statOf(pid: number | 'self'): Promise<string[]> {
  const text = await read(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Children of every thread, since any of them may have started one. */
export async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(threads.map((t) => read(`/proc/${pid}/task/${t}/children`)))
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
}

/** A process, those of its children that have ended and were waited for, and those that live. */
async function cpuOfTree(pid: number): Promise<number> {
  const fields = (await statOf(pid)).slice(11, 15).map(Number)
  const own = fields.length === 4 ? fields.reduce((a, b) => a + b) / ticks : 0
  const living = await Promise.all((await childrenOf(pid)).map(cpuOfTree))
  return living.reduce((a, b) => a + b, own)
}

/** What the bench's own children have cost that have ended: those that it starts as commands. */
async function cpuOfEnded(): Promise<number> {
  const [user, system] = (await statOf('self')).slice(13, 15).map(Number)
  return (user! + system!) / ticks
}

export async function cpuOf(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(cpuOfTree))
  return each.reduce((a, b) => a + b, await cpuOfEnded())
}

/** Wall and CPU of some work that is done by these processes and by commands that it starts and ends. */
export async function costOf(
  pids: readonly number[],
  work: () => Promise<unknown>,
  o: { settled?: () => Promise<unknown> } = {},
): Promise<Cost> {
  const before = await cpuOf(pids)
  const started = performance.now()
  await work()
  const wall = (performance.now() - started) / 1000
  await o.settled?.()
  return { wall, cpu: (await cpuOf(pids)) - before }
}

async function statusOf(pid: number, field: 'VmHWM' | 'VmRSS'): Promise<number> {
  const found = new RegExp(`${field}:\\s+(\\d+)`).exec(await read(`/proc/${pid}/status`))
  return found === null ? 0 : (Number(found[1]) * 1024) / 1e6
}

/** In MB (10^6 bytes), since its start or since `forgetPeak`. */
export const peakOf = (pid: number) => statusOf(pid, 'VmHWM')

export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}

/** Resident memory of each process while `work` runs, in MB: its peak and its mean. */
export async function memoryOf(
  pids: readonly number[],
  work: () => Promise<unknown>,
): Promise<{ peak: number; mean: number }[]> {
  const sums = pids.map(() => 0)
  let looks = 0
  const over = new AbortController()
  await Promise.all(pids.map(forgetPeak))
  const looking = (async () => {
    while (!over.signal.aborted) {
      const each = await Promise.all(pids.map((pid) => statusOf(pid, 'VmRSS')))
      for (const [i, mb] of each.entries()) sums[i]! += mb
      looks++
      await pause(lookMs, undefined, { signal: over.signal }).catch(() => {})
    }
  })()
  try {
    await work()
  } finally {
    over.abort()
    await looking
  }
  const peaks = await Promise.all(pids.map(peakOf))
  return peaks.map((peak, i) => ({ peak, mean: sums[i]! / looks }))
}

/** Between two looks at the memory, in milliseconds. */
const lookMs = 250

/** What a process has caused to be written to disks so far, in bytes. */
export async function writtenBy(pid: number): Promise<number> {
  return Number(/^write_bytes: (\d+)/m.exec(await read(`/proc/${pid}/io`))?.[1] ?? 0)
}
