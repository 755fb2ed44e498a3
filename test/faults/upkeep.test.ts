/**
 * Bytes rot on the disk of one site: it notices, says what is damaged and who has it, and what is
 * sent again makes it well. Meanwhile space that nobody needs comes back, under running transfers and
 * across a kill, and nothing that anybody needs goes with it.
 */
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultKinds } from '../../protocol/fault.ts'
import { filesUnder, rot } from '../rot.ts'
import { acceptedPair, diff, eventually, isDone, type Pair, type Site, until } from '../site.ts'
import { writeLarge, writeMany } from '../trees.ts'

const mib = 1024 * 1024

let pair: Pair
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-upkeep-'))
  pair = await acceptedPair()
}, 60_000)

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Sends a dataset of Oslo's to Kyoto and waits until both have said so; answers its ID there. */
async function send(id: number, dest = 0): Promise<number> {
  const { atOslo, atKyoto, to } = pair
  const sent = await atOslo.call('transfers.send', { to, dataset: { id }, dest })
  const done = await until(atOslo, sent.id, isDone, 120_000)
  await until(atKyoto, sent.id, isDone, 120_000)
  return done.destination.dataset!
}

const heldBytes = async (site: Site) => {
  const { held } = await site.admin.call('site.reclaim', { dry: true })
  return Object.values(held).reduce((sum, { bytes }) => sum + bytes, 0)
}

describe('a byte that rots', () => {
  let here: number
  let there: number
  let tree: string
  const text = 'FCS3.0 of the one tube that will rot\n'

  beforeAll(async () => {
    tree = join(folder, 'plates')
    await mkdir(tree)
    await writeMany(join(tree, 'many'), 300, 2000)
    await writeFile(join(tree, 'tube 7.fcs'), text)
    await writeLarge(join(tree, 'large.bin'), 5 * mib, 3)
    here = (await pair.atOslo.call('datasets.add', { name: 'Plates', path: tree })).id
    there = await send(here)
  }, 120_000)

  test('at the destination is found, named with its source, and sent again', async () => {
    const { kyoto } = pair
    expect((await kyoto.cli(['scrub', '--now'])).code).toBe(0)
    await rot(kyoto, Buffer.from(text))
    const large = await readFile(join(tree, 'large.bin'))
    await rot(kyoto, large.subarray(2 * mib, 2 * mib + 64))

    const ran = await kyoto.cli(['scrub', '--now'])
    expect(ran.code).toBe(faultKinds.corrupt.exit)
    const lines = [
      `  dataset ${there} (Plates) version 1: tube 7.fcs is damaged`,
      `  dataset ${there} (Plates) version 1: large.bin is damaged`,
      `    Oslo (oslo) holds it as dataset ${here} version 1: ask them to send it again, into dataset ${there}`,
    ]
    for (const line of lines) expect(ran.stderr.split('\n')).toContain(line)
    const health = await kyoto.admin.call('site.health', {})
    expect(health).toMatchObject({
      state: 'damaged',
      fault: { text: expect.stringContaining(`2 things of dataset ${there} (Plates)`) },
    })
    const { bad } = await pair.atKyoto.call('datasets.verify', { id: there })
    expect(bad).toHaveLength(2)

    // Across a restart it is known as well, until Oslo has sent it again.
    await kyoto.kill()
    await kyoto.start()
    expect(await kyoto.admin.call('site.scrub', {})).toMatchObject({ damagedCount: 2 })
    expect(await send(here, there)).toBe(there)
    await eventually(
      async () => (await kyoto.admin.call('site.health', {})).state === 'ok',
      'what came again is well',
    )
    expect((await pair.atKyoto.call('datasets.verify', { id: there })).bad).toEqual([])
    expect((await kyoto.cli(['scrub'])).code).toBe(0)
    const out = join(folder, 'out')
    await pair.atKyoto.call('datasets.export', { id: there, folder: out })
    expect(await diff(tree, out)).toBe('')
  }, 180_000)

  test('only what was damaged crosses', async () => {
    const [latest] = await pair.atKyoto.call('transfers.list', { limit: 1 })
    expect(latest!.bytes.received).toBe(5 * mib + text.length)
  })

  test('at the source is had again from the site that signed for it', async () => {
    const { oslo, atKyoto, atOslo } = pair
    await rot(oslo, Buffer.from(text))
    const ran = await oslo.cli(['scrub', '--now'])
    expect(ran.stderr).toContain(`Kyoto (kyoto) holds it as dataset ${there} version`)
    const sent = await atKyoto.call('transfers.send', {
      to: { email: pair.to.email, alias: 'oslo' },
      dataset: { id: there },
    })
    await until(atKyoto, sent.id, isDone)
    await eventually(
      async () => (await oslo.admin.call('site.health', {})).state === 'ok',
      'what came again is well',
    )
    expect((await atOslo.call('datasets.verify', { id: here })).bad).toEqual([])
  }, 120_000)

  test('in a manifest is found by its place in it, and had again the same way', async () => {
    const { kyoto, atKyoto } = pair
    // In the page; the content has other bytes before it.
    const path = join(kyoto.home, 'store')
    const name = Buffer.from('tube 7.fcs')
    let spoilt = false
    for (const file of await filesUnder(path)) {
      const bytes = await readFile(file)
      const at = bytes.indexOf(name)
      if (at < 0 || file.includes('/places/')) continue
      await using handle = await open(file, 'r+')
      await handle.write(Buffer.from('T'), 0, 1, at)
      spoilt = true
      break
    }
    expect(spoilt).toBe(true)
    const ran = await kyoto.cli(['scrub', '--now'])
    expect(ran.stderr).toMatch(/version 1: (the list of files from .*|the manifest) is damaged/)
    const dry = await kyoto.cli(['reclaim', '--dry-run'])
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('Nothing can be reclaimed')])
    expect((await kyoto.cli(['reclaim'])).code).toBe(faultKinds.corrupt.exit)
    await send(here)
    await eventually(
      async () => (await kyoto.admin.call('site.health', {})).state === 'ok',
      'what came again is well',
    )
    expect((await atKyoto.call('datasets.verify', { id: there })).bad).toEqual([])
  }, 120_000)
})

describe('space that nobody needs', () => {
  test('comes back while datasets arrive, are removed and arrive again', async () => {
    const { kyoto, atOslo, atKyoto } = pair
    const ids: number[] = []
    for (let n = 0; n < 3; n++) {
      const tree = join(folder, `loop-${n}`)
      // Half of it is what the others have too.
      await writeMany(join(tree, 'same'), 100, 3000, 77)
      await writeMany(join(tree, 'own'), 100, 3000, 1000 * (n + 1))
      await writeLarge(join(tree, 'large.bin'), 3 * mib, n + 50)
      ids.push((await atOslo.call('datasets.add', { name: `Loop ${n}`, path: tree })).id)
    }
    let sending = true
    let reclaims = 0
    const reclaiming = (async () => {
      for (; sending; reclaims++) await kyoto.admin.call('site.reclaim', {})
    })()
    try {
      const rounds = ids.map(async (id) => {
        for (let round = 0; round < 4; round++) {
          const there = await send(id)
          expect((await atKyoto.call('datasets.verify', { id: there })).bad).toEqual([])
          if (round < 3) await atKyoto.call('datasets.remove', { id: there })
        }
      })
      await Promise.all(rounds)
    } finally {
      sending = false
      await reclaiming
    }
    expect(reclaims).toBeGreaterThan(3)
    const { bad } = await kyoto.admin.call('site.verify', {})
    expect(bad).toEqual([])
  }, 240_000)

  test('comes back after a kill in the middle of giving it back', async () => {
    const { oslo, atOslo } = pair
    const tree = join(folder, 'to be killed')
    await writeMany(tree, 3000, 500, 31_337)
    const before = await heldBytes(oslo)
    const { id } = await atOslo.call('datasets.add', { name: 'Gone', path: tree })
    await atOslo.call('datasets.remove', { id })
    const { held } = await oslo.admin.call('site.reclaim', { dry: true })
    expect(held.nobody.things).toBeGreaterThan(3000)
    // Where each of them hits is chance; together they hit while names are read and while things go.
    for (const ms of [60, 150, 300]) {
      const cut = oslo.admin.call('site.reclaim', {}).catch(() => 'cut')
      await pause(ms)
      await oslo.kill()
      await cut
      await oslo.start()
      expect((await oslo.admin.call('site.verify', {})).bad).toEqual([])
    }
    const again = await oslo.admin.call('site.reclaim', {})
    expect(again.held.nobody.things).toBe(again.removed.things)
    expect(await heldBytes(oslo)).toBe(before)
    expect((await oslo.admin.call('journal.verify', {})).records).toBeGreaterThan(0)
  }, 120_000)
})
