/**
 * The disk of either site fills up. What needs room is refused as `full`, or waits; what does not goes
 * on; nothing half is seen or left behind; and when there is room again, so does the rest.
 */
import { mkdir, mkdtemp, open, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultKinds } from '../../protocol/fault.ts'
import { acceptedPair, ana, diff, isDone, type Pair, run, type Site, top, until } from '../site.ts'
import { openSmallDisk, type SmallDisk } from '../small-disk.ts'
import { writeLarge, writeMany } from '../trees.ts'

const mib = 1024 * 1024
const diskMib = 96
/** What is not the ballast's; the tree below does not fit into it. */
const roomBytes = 36 * mib
const treeBytes = 50 * mib

let disks: { oslo: SmallDisk; kyoto: SmallDisk } | undefined
let pair: Pair
let folder: string
let tree: string

const first = await openSmallDisk(diskMib)
const second = await openSmallDisk(diskMib)
if (first !== null && second !== null) disks = { oslo: first, kyoto: second }
else console.log('full.test.ts is skipped: this account may not mount a small disk (tmpfs)')

beforeAll(async () => {
  if (disks === undefined) return
  folder = await mkdtemp(join(tmpdir(), 'crossload-full-'))
  tree = join(folder, 'tree')
  await mkdir(tree)
  await writeLarge(join(tree, 'large.bin'), treeBytes, 5)
  await writeMany(join(tree, 'many'), 300, 2000)
  const home = (disk: SmallDisk) => ({ home: join(disk.path, 'home') })
  pair = await acceptedPair({ oslo: home(disks.oslo), kyoto: home(disks.kyoto) })
}, 60_000)

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  await first?.[Symbol.asyncDispose]()
  await second?.[Symbol.asyncDispose]()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const ballast = (disk: SmallDisk) => join(disk.path, 'ballast')
const freeBytes = async (disk: SmallDisk) => {
  const { bavail, bsize } = await statfs(disk.path)
  return bavail * bsize
}

/** Fills the disk until so many bytes are left; 0 takes the very last one. */
async function fill(disk: SmallDisk, leftBytes: number): Promise<void> {
  await using file = await open(ballast(disk), 'a')
  const block = Buffer.alloc(mib, 1)
  for (let free = await freeBytes(disk); free > leftBytes; free = await freeBytes(disk)) {
    try {
      await file.write(block.subarray(0, Math.min(mib, free - leftBytes)))
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOSPC') return
      throw thrown
    }
  }
}

const empty = (disk: SmallDisk) => rm(ballast(disk), { force: true })

/** Everything of a store that is neither whole nor ours to keep. */
async function leftovers({ home }: Site): Promise<string[]> {
  const found: string[] = []
  for (const name of ['tmp', 'partial']) found.push(...(await readdir(join(home, 'store', name))))
  return found
}

describe.skipIf(disks === undefined)('a full disk', () => {
  test('at the source: adding is refused as full, and nothing of it is listed or left', async () => {
    const { oslo } = pair
    await fill(disks!.oslo, roomBytes)
    const before = await freeBytes(disks!.oslo)
    const ran = await oslo.cli(['dataset', 'add', 'Large', tree], { token: oslo.tokens.get(ana)! })
    expect([ran.code, ran.stdout]).toEqual([faultKinds.full.exit, ''])
    expect(ran.stderr).toMatch(/^crossload: The disk .*full.*\. Free some space/)
    expect(await pair.atOslo.call('datasets.list', {})).toEqual([])
    expect(await leftovers(oslo)).toEqual([])
    expect(before - (await freeBytes(disks!.oslo))).toBeLessThan(mib)
  }, 60_000)

  test('to the last byte: what asks is answered, what changes is refused, and a start finds all as it was', async () => {
    const { oslo, atOslo, to } = pair
    const { id } = await atOslo.call('datasets.add', { name: 'Lies', path: tree, inPlace: true })
    const listed = await atOslo.call('datasets.list', {})
    await fill(disks!.oslo, 0)
    const token = { token: oslo.tokens.get(ana)! }
    for (const args of [
      ['dataset', 'add', 'More', join(tree, 'many'), '--in-place'],
      ['project', 'add', 'More'],
      ['send', 'dataset', String(id), '--to', `${to.email}@${to.alias}`, '--yes'],
    ]) {
      const ran = await oslo.cli(args, token)
      expect([args, ran.code, ran.stderr]).toEqual([
        args,
        faultKinds.full.exit,
        expect.stringContaining('Free some space'),
      ])
    }
    expect(await oslo.admin.call('site.health', {})).toEqual({ state: 'ok' })
    expect(await atOslo.call('datasets.list', {})).toEqual(listed)
    expect(await atOslo.call('transfers.list', {})).toEqual([])

    await oslo.kill()
    const main = join(top, 'node/main.ts')
    const start = await run(process.execPath, [main, 'serve', '--home', oslo.home])
    expect([start.code, start.stderr]).toEqual([
      faultKinds.full.exit,
      expect.stringMatching(/The disk is full .*Free some space/),
    ])
    await empty(disks!.oslo)
    await oslo.start()
    expect(await atOslo.call('datasets.list', {})).toEqual(listed)
    await atOslo.call('projects.add', { name: 'More' })
  }, 90_000)

  test('at the destination: the transfer waits, and goes on by itself when there is room', async () => {
    const { atOslo, kyoto, atKyoto, to } = pair
    const { id } = (await atOslo.call('datasets.list', {}))[0]!
    await fill(disks!.kyoto, roomBytes)
    const sent = await atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })
    const full = await until(atKyoto, sent.id, (view) => view.fault?.kind === 'full')
    expect([full.state, full.fault?.text]).toEqual(['moving', expect.stringContaining('Free some')])
    expect(full.bytes.received).toBeLessThan(full.bytes.chosen)
    // Nothing is seen of it, and what needs no room is answered.
    expect(await atKyoto.call('datasets.list', {})).toEqual([])
    expect(await kyoto.admin.call('site.health', {})).toEqual({ state: 'ok' })
    expect((await atOslo.call('transfers.show', { id: sent.id })).state).toBe('moving')
    // A dead process on a full disk is the worst of it.
    await kyoto.kill()
    await fill(disks!.kyoto, 0)
    await empty(disks!.kyoto)
    await kyoto.start()
    const done = await until(atOslo, sent.id, isDone, 90_000)
    const out = join(folder, 'out')
    await atKyoto.call('datasets.export', { id: done.destination.dataset!, folder: out })
    expect(await diff(tree, out)).toBe('')
    expect(await leftovers(kyoto)).toEqual([])
  }, 150_000)

  test('at the destination, for a moment: the process stays and the same transfer ends', async () => {
    const { atOslo, kyoto, atKyoto, to } = pair
    const process = kyoto.process
    await writeLarge(join(folder, 'other.bin'), 30 * mib, 77)
    const path = join(folder, 'other.bin')
    const { id } = await atOslo.call('datasets.add', { name: 'Other', path, inPlace: true })
    await fill(disks!.kyoto, 10 * mib)
    const sent = await atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })
    await until(atKyoto, sent.id, (view) => view.fault?.kind === 'full')
    await empty(disks!.kyoto)
    await until(atOslo, sent.id, isDone, 90_000)
    expect(kyoto.process).toBe(process)
    expect(process.exitCode).toBeNull()
    expect(await leftovers(kyoto)).toEqual([])
  }, 120_000)

  test('at the destination, where an export is to go: refused as full, and nothing is left there', async () => {
    const { atKyoto, kyoto } = pair
    const { id } = (await atKyoto.call('datasets.list', {}))[0]!
    await fill(disks!.oslo, 10 * mib)
    const out = join(disks!.oslo.path, 'out')
    const ran = await kyoto.cli(['dataset', 'export', String(id), out], {
      token: kyoto.tokens.get(ana)!,
    })
    expect([ran.code, ran.stderr]).toEqual([
      faultKinds.full.exit,
      expect.stringContaining('Free some space'),
    ])
    expect(await readdir(disks!.oslo.path)).toEqual(['ballast', 'home'])
  }, 60_000)
})
