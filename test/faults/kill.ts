/**
 * `kill -9` of either site in the middle of a large file. It starts again, and without another word
 * from anybody the transfer ends: little is sent twice, nothing was ever seen half, nothing is left.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { End } from '../chaos-proxy.ts'
import { seedsFor } from '../seeds.ts'
import { diff, isDone, until, within } from '../site.ts'
import { createDice, writeLarge } from '../trees.ts'
import { type CabledPair, mistakes, openCabledPair, temporaryFiles, watchListed } from './cabled.ts'

const fileBytes = 300_000_000
/** The promise: what was wanted and not yet answered (8 MiB), and what no checkpoint had yet (4 MiB). */
const resentBytesMax = 16 * 1024 * 1024
/**
 * The cable counts what it sees: content with its frames, tags of encryption, manifests, and the talk
 * of two sites. Without a kill that is 0.1 % more than the file; so much is allowed.
 */
const overheadBytesMax = fileBytes * 0.005

/** On a machine that does much else at the same time. In milliseconds. */
const endMs = 240_000

export function killStories(o: { moments: number }): void {
  describe.each<End>(['kyoto', 'oslo'])('%s is killed in the middle of 300 MB', (victim) => {
    let pair: CabledPair

    beforeAll(async () => {
      pair = await openCabledPair()
    }, 120_000)
    afterAll(() => pair[Symbol.asyncDispose]())

    test.each(seedsFor(`kill ${victim}`, o.moments))(
      'seed %i',
      async (seed) => {
        const { cable, atOslo, atKyoto, folder, oslo, kyoto } = pair
        const site = pair[victim]
        const moment = momentOf(victim, seed)
        const tree = join(folder, `tree-${seed}`)
        await mkdir(tree)
        await writeLarge(join(tree, 'large.bin'), fileBytes, seed * 2 + Number(victim === 'oslo'))
        const { id: dataset, root } = await atOslo.call('datasets.add', {
          name: `${seed}`,
          path: tree,
          inPlace: true,
        })
        await using watch = await watchListed(pair, root)
        const before = cable.passedBytes('kyoto')

        const killed = cable.passes('kyoto', moment).then(() => site.kill())
        await within(Promise.all([killed, sendOrCut(pair, dataset)]), endMs, 'it never came so far')
        const looked = watch.looks
        await site.start()
        const [begun] = await atOslo.call('transfers.list', {})
        const done = await until(atOslo, begun!.id, isDone, endMs)

        const crossed = cable.passedBytes('kyoto') - before
        const resent = crossed - fileBytes
        const told =
          victim === 'kyoto'
            ? done.bytes.sent
            : (await until(atKyoto, begun!.id, isDone)).bytes.received
        console.log(
          `kill ${victim}, seed ${seed}: at ${mib(moment)} MiB; ${mib(resent)} MiB more than the file crossed; the other side counts ${mib(told - fileBytes)} MiB twice`,
        )
        expect(crossed).toBeGreaterThan(fileBytes)
        expect(resent).toBeLessThanOrEqual(resentBytesMax + overheadBytesMax)
        // The side that lived has counted all of it: what it gave to the line, or what it took and verified.
        expect(told).toBeGreaterThanOrEqual(fileBytes)
        expect(told - fileBytes).toBeLessThanOrEqual(resentBytesMax)

        await watch[Symbol.asyncDispose]()
        expect(watch.wrong).toEqual([])
        expect(looked, 'looks before the kill').toBeGreaterThan(0)
        expect(await temporaryFiles(kyoto)).toEqual([])
        expect(await temporaryFiles(oslo)).toEqual([])
        expect([...mistakes(oslo), ...mistakes(kyoto)]).toEqual([])
        const out = join(folder, `out-${seed}`)
        await atKyoto.call('datasets.export', { id: done.destination.dataset!, folder: out })
        expect(await diff(tree, out)).toBe('')
        await rm(tree, { recursive: true })
        await rm(out, { recursive: true })
      },
      2 * endMs,
    )
  })
}

/** Bytes on their way to kyoto: somewhere between a fiftieth of the file and all but that. */
function momentOf(victim: End, seed: number): number {
  const dice = createDice(seed * 2 + Number(victim === 'oslo'))
  // The first throws of neighbouring seeds are neighbours too.
  for (let i = 0; i < 8; i++) dice(2)
  return Math.round(fileBytes * (0.02 + (0.96 * dice(10_000)) / 10_000))
}

/** The answer may be lost when oslo is killed early; the transfer is not. */
async function sendOrCut({ atOslo, to }: CabledPair, id: number): Promise<void> {
  try {
    await atOslo.call('transfers.send', { to, dataset: { id: id as never }, dest: 0 })
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.kind !== 'unreachable') throw thrown
  }
}

const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
