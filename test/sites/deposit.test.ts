/**
 * Ana at Kyoto works with files, so her project has a deposit folder: what Oslo sends lies there as it
 * was. The site is killed while it lays them out, the folder goes away and comes back, the disk is
 * full, somebody has a file of that name: nothing is lost, and nobody's file is written over.
 */
import { execFile } from 'node:child_process'
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  watch,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { DatasetId, ProjectId } from '../../protocol/ids.ts'
import { acceptedPair, diff, eventually, isDone, type Pair, until } from '../site.ts'
import { openSmallDisk } from '../small-disk.ts'
import { cytometry, writeLarge, writeMany, writeOdd } from '../trees.ts'

// On a machine that does much else at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const run = promisify(execFile)
const mib = 1024 * 1024

let pair: Pair
let folder: string
let project: ProjectId

beforeAll(async () => {
  pair = await acceptedPair()
  folder = await realpath(await mkdtemp(join(tmpdir(), 'crossload-deposit-')))
  project = (await pair.atKyoto.call('projects.list', {}))[0]!.id
  await nameFolder(await newFolder('deposits'))
})
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function newFolder(name: string): Promise<string> {
  await mkdir(join(folder, name))
  return join(folder, name)
}

async function nameFolder(path: string, link = false): Promise<void> {
  const { deposit } = await pair.atKyoto.call('projects.set-deposit', {
    id: project,
    folder: path,
    link,
  })
  expect(deposit).toEqual({ folder: path, link })
}

/** Sends what Oslo has, and waits until it counts at both ends. */
async function send(id: DatasetId, dest: DatasetId | 0 = 0) {
  const { atOslo, atKyoto, to } = pair
  const sent = await atOslo.call('transfers.send', { to, dataset: { id }, dest })
  await until(atOslo, sent.id, isDone)
  return until(atKyoto, sent.id, isDone)
}

async function sendPath(name: string, path: string) {
  const { id } = await pair.atOslo.call('datasets.add', { name, path })
  const done = await send(id)
  return { here: id, there: done.destination.dataset!, transfer: done.id }
}

type Deposit = NonNullable<Awaited<ReturnType<typeof show>>['deposit']>
const show = (id: string) => pair.atKyoto.call('transfers.show', { id })

function deposited(transfer: string, is: (deposit: Deposit) => boolean): Promise<Deposit> {
  const look = async () => {
    const { deposit } = await show(transfer)
    return deposit !== undefined && is(deposit) && deposit
  }
  return eventually(look, `the deposit of ${transfer}`, 60_000)
}
const isMade = ({ state }: Deposit) => state === 'made'

async function anythingIn(path: string): Promise<void> {
  for await (const _ of watch(path, { signal: AbortSignal.timeout(60_000) })) return
}

describe('what arrives', () => {
  let odd: { here: DatasetId; there: DatasetId; transfer: string }
  let tree: string

  test('lies in a folder of its own as it was, and both pages say where', async () => {
    tree = await newFolder('odd')
    await writeOdd(tree)
    await run('cp', ['-r', cytometry, tree])
    odd = await sendPath('Odd: things?', tree)
    const made = await deposited(odd.transfer, isMade)
    const at = join(folder, 'deposits', `Odd- things--${odd.there}`)
    const chosen = (await show(odd.transfer)).files.chosen
    expect([made.folder, made.files, made.conflictsCount]).toEqual([at, chosen, 0])
    expect(await diff(tree, at)).toBe('')
    const shown = await pair.atKyoto.call('datasets.show', { id: odd.there })
    expect(shown.deposit).toEqual(made)
    expect(await readdir(join(folder, 'deposits'))).toEqual([`Odd- things--${odd.there}`])
    // What is added here is not laid out, and the source has nothing to do with it.
    await pair.atKyoto.call('datasets.add', { name: 'Own', path: cytometry })
    expect((await pair.atOslo.call('transfers.show', { id: odd.transfer })).deposit).toBeUndefined()
    expect(await readdir(join(folder, 'deposits'))).toHaveLength(1)
  })

  test('as a second version changes what changed, and nobody’s own file', async () => {
    const at = join(folder, 'deposits', `Odd- things--${odd.there}`)
    const before = await stat(join(at, 'one-mib-and-one.bin'))
    await writeFile(join(at, 'mine.txt'), 'mine')
    await writeFile(join(at, 'added.txt'), 'my own, under a name that is to come')
    await appendFile(join(at, '.hidden'), ' and what I wrote into it')
    await writeFile(join(tree, 'a.txt'), 'as it is in the second version')
    await writeFile(join(tree, '.hidden'), 'changed as well')
    await writeFile(join(tree, 'added.txt'), 'added')
    await writeFile(join(tree, 'added too.txt'), 'added too')
    await pair.atOslo.call('datasets.update', { id: odd.here, path: tree })
    const done = await send(odd.here, odd.there)
    const made = await deposited(done.id, isMade)
    expect([made.version, made.folder, made.conflicts]).toEqual([2, at, ['.hidden', 'added.txt']])
    expect(made.files).toBe(done.files.chosen - 2)
    expect(await readFile(join(at, 'mine.txt'), 'utf8')).toBe('mine')
    expect(await readFile(join(at, 'added.txt'), 'utf8')).toContain('my own')
    expect(await readFile(join(at, '.hidden'), 'utf8')).toContain('and what I wrote')
    expect((await stat(join(at, 'one-mib-and-one.bin'))).ino).toBe(before.ino)
    const differing = (await run('diff', ['-rq', tree, at]).catch((thrown) => thrown)).stdout
    expect(differing.trim().split('\n').sort()).toEqual([
      `Files ${tree}/.hidden and ${at}/.hidden differ`,
      `Files ${tree}/added.txt and ${at}/added.txt differ`,
      `Only in ${at}: mine.txt`,
    ])
    expect(await readdir(join(folder, 'deposits'))).toHaveLength(1)
  })

  test('is whole after the site was killed while it laid it out', async () => {
    const { kyoto } = pair
    const many = join(folder, 'many')
    await writeMany(many, 600, 4096)
    await writeLarge(join(many, 'large.bin'), 120 * mib, 5)
    const place = await newFolder('killed')
    await nameFolder(place)
    const { id } = await pair.atOslo.call('datasets.add', { name: 'Many', path: many })
    const { to } = pair
    const begins = anythingIn(place)
    const sent = await pair.atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })
    // It is being laid out aside.
    await begins
    await kyoto.kill()
    const left = await readdir(place)
    expect(
      left.map((name) => name.startsWith('.')),
      'killed before its end',
    ).toEqual([true])
    await kyoto.start()
    const made = await deposited(sent.id, isMade)
    expect(await readdir(place)).toEqual([made.folder.slice(place.length + 1)])
    expect(await diff(many, made.folder)).toBe('')
    const { records } = await kyoto.admin.call('journal.read', {})
    const ofIt = records.filter(({ kind, data }) => {
      return kind === 'deposit.made' && JSON.stringify(data).includes(sent.id)
    })
    expect(ofIt).toHaveLength(1)
  })

  test('waits for a folder that is gone, and lies there when it is back', async () => {
    const place = await newFolder('unmounted')
    await nameFolder(place)
    await rename(place, join(folder, 'elsewhere'))
    const { transfer } = await sendPath('Panel', cytometry)
    const waiting = await deposited(transfer, ({ fault }) => fault !== undefined)
    expect([waiting.state, waiting.fault?.text]).toEqual([
      'waiting',
      `The folder ${place} is not there. Make it, mount it, or name another one.`,
    ])
    await rename(join(folder, 'elsewhere'), place)
    const made = await deposited(transfer, isMade)
    expect(made.fault).toBeUndefined()
    expect(await diff(cytometry, made.folder)).toBe('')
  })

  test('waits for room on a full disk, of which nothing is left half', async (context) => {
    await using disk = await openSmallDisk(4)
    if (disk === null) return context.skip()
    const place = await realpath(disk.path)
    await nameFolder(place)
    const large = await newFolder('large')
    await writeLarge(join(large, 'large.bin'), 12 * mib, 6)
    await writeMany(large, 200, 1000)
    const { transfer, there } = await sendPath('Large', large)
    const waiting = await deposited(transfer, ({ fault }) => fault?.kind === 'full')
    expect(waiting.state).toBe('waiting')
    expect((await pair.atKyoto.call('datasets.show', { id: there })).deposit?.state).toBe('waiting')
    await run('mount', ['-o', 'remount,size=40m', place])
    const made = await deposited(transfer, isMade)
    expect(await diff(large, made.folder)).toBe('')
    expect(await readdir(place)).toEqual([`Large-${there}`])
    await nameFolder(join(folder, 'deposits'))
  })

  test('takes no room when it is linked, and the site’s own copy stays what it was', async () => {
    await nameFolder(await newFolder('linked'), true)
    const large = join(folder, 'large link.bin')
    await writeLarge(large, 3 * mib, 8)
    const { transfer, there } = await sendPath('Linked', large)
    const made = await deposited(transfer, isMade)
    const file = await stat(join(made.folder, 'large link.bin'))
    const copied = file.nlink === 1
    // A file system that shares blocks needs no second name.
    expect(copied || (file.mode & 0o222) === 0).toBe(true)
    const out = join(folder, 'exported')
    await pair.atKyoto.call('datasets.export', { id: there, folder: out })
    expect(await diff(made.folder, out)).toBe('')
  })

  test('stays in the store once the project has no folder any more', async () => {
    const shown = await pair.atKyoto.call('projects.remove-deposit', { id: project })
    expect(shown.deposit).toBeUndefined()
    const { transfer, there } = await sendPath('Quiet', cytometry)
    expect((await show(transfer)).deposit).toBeUndefined()
    expect((await pair.atKyoto.call('datasets.show', { id: there })).deposit).toBeUndefined()
  })
})
