/**
 * `kill -9` of either site in the middle of a large file. It starts again, and without another word
 * from anybody the transfer ends: nothing was ever seen half, little is sent twice, nothing is left.
 */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { End } from '../chaos-proxy.ts'
import { seedsFor } from '../seeds.ts'
import { diff, isDone, until, within } from '../site.ts'
import { createDice, writeLarge } from '../trees.ts'
import {
  type CabledPair,
  mistakes,
  objectPath,
  openCabledPair,
  temporaryFiles,
  watchListed,
} from './cabled.ts'

const fileBytes = 300_000_000
/** The promise: what was wanted and not yet answered (8 MiB), and what no checkpoint had yet (4 MiB). */
const resentBytesMax = 16 * 1024 * 1024
/**
 * The cable counts what it sees: content, but also its frames, the tags of its encryption, manifests,
 * and the talk of the two sites. Without a kill that is 0.05 % on top of the file.
 */
const overheadBytesMax = 0.002 * fileBytes

/** On a machine that does much else at the same time. In milliseconds. */
const endMs = 240_000

export function killStories(o: { moments: number; whole: boolean }): void {
  describe.each<End>(['kyoto', 'oslo'])('%s is killed in the middle of 300 MB', (victim) => {
    let pair: CabledPair

    beforeAll(async () => {
      pair = await openCabledPair()
    }, 120_000)
    afterAll(() => pair?.[Symbol.asyncDispose]())

    async function story(seed: number, moment: Moment): Promise<void> {
      const { atOslo, atKyoto, oslo, kyoto, folder } = pair
      const tree = join(folder, `tree-${seed}`)
      await mkdir(tree)
      await writeLarge(join(tree, 'large.bin'), fileBytes, 2 * seed + Number(victim === 'oslo'))
      const added = await atOslo.call('datasets.add', { name: 'x', path: tree, inPlace: true })
      await using watch = await watchListed(pair, added.root)
      const counted = count(pair, victim)

      await killWhileSending(pair, victim, added.id, moment)
      expect(watch.looks, 'looks before the kill').toBeGreaterThan(0)
      await pair[victim].start()
      const [begun] = await atOslo.call('transfers.list', {})
      const done = await until(atOslo, begun!.id, isDone, endMs)

      await watch[Symbol.asyncDispose]()
      expect(watch.wrong).toEqual([])
      const { crossed, told } = await counted(begun!.id)
      const more = `${mib(crossed - fileBytes)} MiB more than the file crossed`
      const at = moment === 'whole' ? 'when it was whole' : `at ${mib(moment)} MiB`
      console.log(
        `kill ${victim}, seed ${seed}, ${at}: ${more}, the other counts ${mib(told - fileBytes)} MiB twice`,
      )
      expect(crossed).toBeGreaterThan(fileBytes)
      expect(crossed - fileBytes).toBeLessThanOrEqual(resentBytesMax + overheadBytesMax)
      expect(told).toBeGreaterThanOrEqual(fileBytes)
      expect(told - fileBytes).toBeLessThanOrEqual(resentBytesMax)

      expect([...(await temporaryFiles(kyoto)), ...(await temporaryFiles(oslo))]).toEqual([])
      expect([...mistakes(oslo), ...mistakes(kyoto)]).toEqual([])
      const out = join(folder, `out-${seed}`)
      await atKyoto.call('datasets.export', { id: done.destination.dataset!, folder: out })
      expect(await diff(tree, out)).toBe('')
      await rm(tree, { recursive: true })
      await rm(out, { recursive: true })
    }

    const seeds = seedsFor(`kill ${victim}`, o.moments)
    test.each(seeds)('seed %i', (seed) => story(seed, momentOf(victim, seed)), 2 * endMs)

    // The file has its name already, and hardly anybody knows of it yet.
    if (o.whole) test('when the file is whole', () => story(0, 'whole'), 2 * endMs)
  })
}

/** So many bytes are on their way to kyoto, or the whole file lies in its store. */
type Moment = number | 'whole'

/** Somewhere between a fiftieth of the file and all but that. */
function momentOf(victim: End, seed: number): number {
  const dice = createDice(2 * seed + Number(victim === 'oslo'))
  // The first throws of neighbouring seeds are neighbours too.
  for (let i = 0; i < 8; i++) dice(2)
  return Math.round(fileBytes * (0.02 + (0.96 * dice(10_000)) / 10_000))
}

async function killWhileSending(pair: CabledPair, victim: End, id: number, moment: Moment) {
  const { atOslo, cable, to } = pair
  const come = moment === 'whole' ? isWhole(pair, id) : cable.passes('kyoto', moment)
  const killed = come.then(() => pair[victim].kill())
  // The answer may be lost when oslo is killed early; the transfer is not.
  const sent = atOslo
    .call('transfers.send', { to, dataset: { id: id as never }, dest: 0 })
    .catch((thrown) => {
      if (!(thrown instanceof Fault) || thrown.kind !== 'unreachable') throw thrown
    })
  await within(Promise.all([killed, sent]), endMs, 'it never came so far')
}

async function isWhole({ atOslo, cable, kyoto }: CabledPair, id: number): Promise<void> {
  const nearly = cable.passes('kyoto', 0.95 * fileBytes)
  const { files } = await atOslo.call('datasets.files', { id: id as never })
  await nearly
  // Nothing tells of this moment, so it is looked for as often as there is a turn.
  while (!existsSync(objectPath(kyoto, files[0]!.cid))) await new Promise(setImmediate)
}

/**
 * Counted twice: by the cable, and by the side that lived through it all, as what it gave to the line
 * or as what it took and verified. What the killed side counted last may be lost with it.
 */
function count({ cable, atOslo, atKyoto }: CabledPair, victim: End) {
  const before = cable.passedBytes('kyoto')
  return async (id: string) => {
    const { bytes } = await until(victim === 'kyoto' ? atOslo : atKyoto, id, isDone)
    const told = victim === 'kyoto' ? bytes.sent : bytes.received
    return { crossed: cable.passedBytes('kyoto') - before, told }
  }
}

const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
