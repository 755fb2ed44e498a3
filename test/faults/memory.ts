/**
 * Content that never repeats crosses for a long time, and neither process grows: what a transfer
 * holds in memory depends on its windows and not on its size.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acceptedPair, isDone, type Pair, type Site, until } from '../site.ts'
import { writeLarge, writeMany } from '../trees.ts'

const mb = 1_000_000
/** What either process may hold of the machine's memory at any moment. */
const residentBytesMax = 300 * mb
/** How far the last third may lie above the first: less than one part in a hundred of what crossed. */
const growthBytesMax = 30 * mb
/** Often: 300 MB cross in little more than a second. */
const sampleEveryMs = 20

/** Only Linux tells it in this way; elsewhere there is nothing to measure. */
export const canMeasure = process.platform === 'linux'

export function memoryStories(o: { bytes: number; endMs: number }): void {
  describe.skipIf(!canMeasure)(`${o.bytes / mb} MB cross`, () => {
    let pair: Pair
    let folder: string

    beforeAll(async () => {
      pair = await acceptedPair()
      folder = await mkdtemp(join(tmpdir(), 'crossload-memory-'))
    }, 120_000)
    afterAll(async () => {
      await pair?.[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    })

    test(
      'and the memory of both processes stays flat',
      async () => {
        const { oslo, kyoto, atOslo, atKyoto, to } = pair
        const tree = join(folder, 'tree')
        await mkdir(tree)
        // One file whose digests need lists, and many of some blocks.
        await writeLarge(join(tree, 'large.bin'), Math.round(o.bytes * 0.7), 21)
        await writeMany(join(tree, 'many'), Math.round((o.bytes * 0.3) / (3 * mb)), 3 * mb, 22)
        const added = await atOslo.call('datasets.add', {
          name: 'memory',
          path: tree,
          inPlace: true,
        })

        const sent = await atOslo.call('transfers.send', { to, dataset: { id: added.id }, dest: 0 })
        const samples = { oslo: sample(oslo), kyoto: sample(kyoto) }
        const done = await until(atOslo, sent.id, isDone, o.endMs)
        const seen = { oslo: await samples.oslo.end(), kyoto: await samples.kyoto.end() }

        for (const [name, { thirds, peak, count }] of Object.entries(seen)) {
          const of = thirds.map((bytes) => Math.round(bytes / mb)).join(', ')
          console.log(
            `memory of ${name}: ${of} MB in each third, at most ${Math.round(peak / mb)} MB (${count} samples)`,
          )
        }
        for (const { thirds, peak, count } of Object.values(seen)) {
          expect(count).toBeGreaterThan(30)
          expect(peak).toBeLessThan(residentBytesMax)
          expect(thirds[2]! - thirds[0]!).toBeLessThan(growthBytesMax)
        }
        expect(done.bytes.chosen).toBeGreaterThan(0.99 * o.bytes)
        expect(done.receipts.at(-1)?.trees[0]?.root).toBe(added.root)
        const verified = await atKyoto.call('datasets.verify', { id: done.destination.dataset! })
        expect(verified).toMatchObject({ bytes: done.bytes.chosen, bad: [] })
      },
      2 * o.endMs,
    )
  })
}

/** Looks at a process from outside, again and again. */
function sample(site: Site) {
  const path = `/proc/${site.process.pid}/status`
  const seen: number[] = []
  const fieldOf = async (name: string) => {
    const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(await readFile(path, 'utf8'))!
    return Number(kib) * 1024
  }
  const failures: unknown[] = []
  const timer = setInterval(() => {
    fieldOf('VmRSS').then(
      (bytes) => seen.push(bytes),
      (thrown) => failures.push(thrown),
    )
  }, sampleEveryMs)
  return {
    /** The mean of each third, and the peak as the system has seen it, from the start of the process. */
    async end() {
      clearInterval(timer)
      expect(failures).toEqual([])
      const size = Math.ceil(seen.length / 3)
      const thirds = [0, 1, 2].map((i) => mean(seen.slice(i * size, (i + 1) * size)))
      return { thirds, peak: await fieldOf('VmHWM'), count: seen.length }
    },
  }
}

const mean = (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0) / all.length
