/**
 * The cable between two sites is cut, or turns a bit, at random places in either direction while
 * datasets cross. Whatever was told to be done is byte for byte what was sent; what is not done says
 * why; and when the faults stop, everything ends.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Harm } from '../chaos-proxy.ts'
import { seedsFor } from '../seeds.ts'
import { diff, isEnded, until } from '../site.ts'
import { createDice, fillBytes } from '../trees.ts'
import { brief, type CabledPair, mistakes, openCabledPair, temporaryFiles } from './cabled.ts'

/** A bit that is turned in a length can leave both sides waiting until the line counts as dead. */
const endMs = 180_000

export function cutStories(o: { runs: number }): void {
  describe('a cable that cuts and flips', () => {
    let pair: CabledPair
    const ends = { done: 0, otherwise: 0, struck: 0, planned: 0 }
    const seeds = seedsFor('cut', o.runs)

    beforeAll(async () => {
      pair = await openCabledPair()
    }, 120_000)
    afterAll(() => pair?.[Symbol.asyncDispose]())

    test.each(seeds)(
      'seed %i',
      async (seed) => {
        const { cable, atOslo, atKyoto, folder, to } = pair
        const dice = createDice(seed)
        const tree = join(folder, `tree-${seed}`)
        const bytes = await writeTree(tree, dice)
        const added = await atOslo.call('datasets.add', { name: `${seed}`, path: tree })
        const plan = planOf(dice, bytes)
        cable.spoil(plan)
      const t0 = performance.now()
      const lapse: string[] = []
      const iv = setInterval(async () => { const v = await atKyoto.call('transfers.list', { limit: 1 }).catch(() => []); const w = await atOslo.call('transfers.list', { limit: 1 }).catch(() => []); lapse.push(Math.round(performance.now() - t0) + ' ' + cable.passedBytes('oslo') + ' ' + cable.passedBytes('kyoto') + ' kyoto: ' + (v[0] && brief(v[0] as never)) + ' oslo: ' + (w[0] && brief(w[0] as never))) }, 3000)

        const sent = await atOslo.call('transfers.send', { to, dataset: { id: added.id }, dest: 0 })
        const ended = await until(atOslo, sent.id, isEnded, endMs)
        const struck = cable.mend()
      const tookMs = performance.now() - t0
      clearInterval(iv)
      if (tookMs > 15000) console.log(tookMs, JSON.stringify(plan), brief(ended), lapse.join('\n'), pair.oslo.log().slice(-3000), pair.kyoto.log().slice(-3000))
        const there = await until(atKyoto, sent.id, isEnded, endMs)
        const seen = `${brief(ended)} ${brief(there)} ${JSON.stringify(plan)}`

        ends.planned += plan.length
        ends.struck += struck
        expect(there.state, seen).toBe(ended.state)
        if (ended.state === 'done') {
          ends.done++
          const out = join(folder, `out-${seed}`)
          await atKyoto.call('datasets.export', { id: ended.destination.dataset!, folder: out })
          expect(await diff(tree, out), seen).toBe('')
          await rm(out, { recursive: true })
        } else {
          ends.otherwise++
          expect(ended.fault?.text, seen).toMatch(/\w/)
          const listed = await atKyoto.call('datasets.list', {})
          expect(
            listed.map(({ name }) => name),
            seen,
          ).not.toContain(`${seed}`)
        }
        await rm(tree, { recursive: true })
      },
      3 * endMs,
    )

    test(
      'when the faults have stopped, all has ended and nothing is left over',
      async () => {
        const { oslo, kyoto, atOslo, atKyoto } = pair
        console.log(
          `cut: ${ends.done} done, ${ends.otherwise} ended otherwise; ${ends.struck} of ${ends.planned} faults struck`,
        )
        // A plan that never strikes, or that nothing survives, would prove nothing.
        expect(ends.struck).toBeGreaterThan(ends.planned / 2)
        expect(ends.done).toBeGreaterThan(0.9 * (ends.done + ends.otherwise))
        for (const client of [atOslo, atKyoto]) {
          const transfers = await client.call('transfers.list', { limit: 1000 })
          expect(transfers.length).toBeGreaterThanOrEqual(seeds.length)
          expect(transfers.filter((one) => !isEnded(one)).map(brief)).toEqual([])
        }
        const listed = await atKyoto.call('datasets.list', {})
        expect(listed.length).toBe(ends.done)
        expect([...(await temporaryFiles(oslo)), ...(await temporaryFiles(kyoto))]).toEqual([])
        expect([...mistakes(oslo), ...mistakes(kyoto)]).toEqual([])
      },
      endMs,
    )
  })
}

/** One file of a few blocks, some small ones, an empty one: never the same content twice. */
async function writeTree(folder: string, dice: (below: number) => number): Promise<number> {
  const large = 1_100_000 + dice(2_500_000)
  const sizes = [large, 0, ...Array.from({ length: 2 + dice(6) }, () => 1 + dice(60_000))]
  await mkdir(join(folder, 'small'), { recursive: true })
  const content = dice(2 ** 31)
  for (const [i, size] of sizes.entries()) {
    const buffer = fillBytes(new Uint8Array(Math.ceil(size / 4) * 4), content + i)
    await writeFile(
      join(folder, i === 0 ? 'large.bin' : `small/${i}.dat`),
      buffer.subarray(0, size),
    )
  }
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** What one transfer says in the direction of its source: offers, wants, receipts. In bytes, about. */
const talkBytes = 6_000

/**
 * One to four faults, mostly few. Towards kyoto anywhere in the content, or in the talk at either end of it;
 * towards oslo anywhere in the talk. The later ones strike while both sides mend the earlier.
 */
function planOf(dice: (below: number) => number, bytes: number): Harm[] {
  const kinds = ['close', 'reset', 'flip'] as const
  return Array.from({ length: 1 + Math.min(dice(4), dice(4)) }, () => {
    const to = dice(3) === 0 ? 'oslo' : 'kyoto'
    const at = dice(to === 'oslo' || dice(5) === 0 ? talkBytes : bytes)
    return { to, at, kind: kinds[dice(3)]!, bit: dice(8) } satisfies Harm
  })
}
