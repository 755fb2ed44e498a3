import { execFile } from 'node:child_process'
import { lstat, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import { fault } from '../../test/contracts/store.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { openSmallDisk } from '../../test/small-disk.ts'
import { cytometry, dicom, writeLarge, writeMany, writeOdd } from '../../test/trees.ts'
import { freeBytes } from '../base/files.ts'
import { openDb } from '../db/db.ts'
import { createMemoryStore } from '../store/memory.ts'
import { openStore } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import { addTree } from './add.ts'
import { exportTree } from './export.ts'
import { openTree } from './trees.ts'

const run = promisify(execFile)
const mib = 1024 * 1024

async function openSite() {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await openFolder())
  const db = stack.use(await openDb({ folder: join(folder.path, 'db'), create: true }))
  const store = stack.use(await openStore({ folder: join(folder.path, 'store'), db, create: true }))
  return {
    store,
    at: (name: string) => join(folder.path, name),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** `diff -r` says nothing, and the times of all files and of empty folders are alike. */
async function expectSame(a: string, b: string): Promise<void> {
  expect((await run('diff', ['-r', '--no-dereference', a, b])).stdout).toBe('')
  const names = await readdir(a, { recursive: true })
  expect((await readdir(b, { recursive: true })).sort()).toEqual(names.sort())
  for (const name of names) {
    const [left, right] = [await stat(join(a, name)), await stat(join(b, name))]
    const isFull = left.isDirectory() && (await readdir(join(a, name))).length > 0
    if (!isFull) expect(Math.round(right.mtimeMs), name).toBe(Math.round(left.mtimeMs))
    expect(right.mode & 0o111 & (right.isFile() ? 0o111 : 0), name).toBe(0)
  }
}

describe('exportTree', () => {
  for (const inPlace of [false, true]) {
    it(`gives back what was added (in place: ${inPlace})`, async () => {
      await using site = await openSite()
      const path = site.at('data')
      await mkdir(path)
      await writeOdd(path)
      await writeLarge(join(path, 'large.bin'), 5 * mib + 17, 3)
      await run('cp', ['-r', cytometry, dicom, path])
      await utimes(join(path, '.hidden'), -86_400.5, -86_400.5)
      const { tree } = await addTree({ store: site.store, path, inPlace })
      const done = await exportTree({ store: site.store, tree, folder: site.at('out') })
      expect(done).toEqual({ files: tree.files, bytes: tree.bytes })
      await expectSame(path, site.at('out'))
      expect((await addTree({ store: site.store, path: site.at('out') })).tree).toEqual(tree)
      expect((await readdir(site.at('.'))).sort()).toEqual(['data', 'db', 'out', 'store'])
    })
  }

  it('gives many small files back', async () => {
    await using site = await openSite()
    await writeMany(site.at('data'), 700, 300)
    const { tree } = await addTree({ store: site.store, path: site.at('data') })
    await exportTree({ store: site.store, tree, folder: site.at('out') })
    await expectSame(site.at('data'), site.at('out'))
  })

  it('leaves files to their owner to write, as the account makes files', async () => {
    await using site = await openSite()
    await writeFile(site.at('one'), 'x')
    await writeLarge(site.at('large'), 2 * mib, 1)
    for (const name of ['one', 'large']) {
      const { tree } = await addTree({ store: site.store, path: site.at(name) })
      await exportTree({ store: site.store, tree, folder: site.at(`out-${name}`) })
      expect((await stat(site.at(`out-${name}/${name}`))).mode).toBe(
        (await stat(site.at('one'))).mode,
      )
    }
  })

  it('writes over nothing', async () => {
    await using site = await openSite()
    const { tree } = await addTree({ store: site.store, path: cytometry })
    await mkdir(site.at('folder'))
    await writeFile(site.at('file'), 'mine')
    for (const name of ['folder', 'file']) {
      const exported = exportTree({ store: site.store, tree, folder: site.at(name) })
      await expect(exported).rejects.toEqual(fault('exists', site.at(name)))
    }
    await expect(
      exportTree({ store: site.store, tree, folder: site.at('no/where') }),
    ).rejects.toEqual(fault('missing'))
    expect((await readdir(site.at('.'))).sort()).toEqual(['db', 'file', 'folder', 'store'])
  })

  it('gives way to what came there meanwhile', async () => {
    await using site = await openSite()
    const { tree } = await addTree({ store: site.store, path: cytometry })
    let made: Promise<unknown> | undefined
    const onProgress = () => {
      made ??= mkdir(site.at('out')).then(() => writeFile(site.at('out/mine'), 'mine'))
    }
    await expect(
      exportTree({ store: site.store, tree, folder: site.at('out'), onProgress }),
    ).rejects.toEqual(fault('exists', site.at('out')))
    await made
    expect(await readdir(site.at('out'))).toEqual(['mine'])
    expect((await readdir(site.at('.'))).sort()).toEqual(['db', 'out', 'store'])
  })

  const wrongs: [string, (path: string) => Promise<unknown>, 'corrupt' | 'missing'][] = [
    [
      'a bit of an object changed',
      async (path) =>
        run('sh', [
          '-c',
          'chmod 600 "$0" && printf x | dd of="$0" bs=1 seek=1500000 conv=notrunc',
          path,
        ]),
      'corrupt',
    ],
    ['an object is gone', async (path) => rm(path), 'missing'],
  ]
  it.each(wrongs)('leaves nothing when %s', async (_, wrong, kind) => {
    await using site = await openSite()
    await mkdir(site.at('data'))
    await writeMany(site.at('data'), 20, 10)
    await writeLarge(site.at('data/z.bin'), 3 * mib, 9)
    const { tree } = await addTree({ store: site.store, path: site.at('data') })
    const reader = await openTree(site.store, tree.root)
    const entry = await reader.find('z.bin')
    if (entry?.kind !== 'file') throw new Error('It is not there.')
    const cid = await reader.cid(entry)
    await wrong(site.at(`store/objects/${cid.slice(-2)}/${cid}`))
    await expect(exportTree({ store: site.store, tree, folder: site.at('out') })).rejects.toEqual(
      fault(kind, cid),
    )
    expect((await readdir(site.at('.'))).sort()).toEqual(['data', 'db', 'store'])
  })

  it('names the file in place that has changed', async () => {
    await using site = await openSite()
    await mkdir(site.at('data'))
    await writeLarge(site.at('data/large'), 2 * mib, 1)
    const { tree } = await addTree({ store: site.store, path: site.at('data'), inPlace: true })
    await writeLarge(site.at('data/other'), 2 * mib, 2)
    await rename(site.at('data/other'), site.at('data/large'))
    await expect(exportTree({ store: site.store, tree, folder: site.at('out') })).rejects.toEqual(
      fault('conflict', site.at('data/large')),
    )
  })

  it('mends a copy that is not what was copied', async () => {
    // As when a file system's own copying goes wrong, or the file is changed during it and back.
    await using site = await openSite()
    await writeLarge(site.at('large'), 3 * mib + 5, 4)
    const { tree } = await addTree({ store: site.store, path: site.at('large') })
    const store: Store = {
      ...site.store,
      async file(...args) {
        const held = await site.store.file(...args)
        const cloneTo = async (path: string) => {
          await writeFile(path, new Uint8Array(7 * mib))
          return true
        }
        return { ...held, size: held.size, read: held.read, cloneTo }
      },
    }
    await exportTree({ store, tree, folder: site.at('out') })
    expect((await run('cmp', [site.at('large'), site.at('out/large')])).stdout).toBe('')
  })

  it('links large files when that is asked for, and only those of the store', async () => {
    await using site = await openSite()
    await mkdir(site.at('data'))
    await writeLarge(site.at('data/large'), 2 * mib + 1, 3)
    await writeFile(site.at('data/small'), 'small')
    await utimes(site.at('data/large'), 1000, 1000)
    for (const inPlace of [true, false]) {
      const { tree } = await addTree({ store: site.store, path: site.at('data'), inPlace })
      const folder = site.at(`out-${inPlace}`)
      await exportTree({ store: site.store, tree, folder, link: true })
      expect((await run('diff', ['-r', site.at('data'), folder])).stdout).toBe('')
      const large = await stat(join(folder, 'large'))
      expect([large.nlink, large.mode & 0o222]).toEqual(inPlace ? [1, 0o200] : [2, 0])
      expect((await stat(join(folder, 'small'))).nlink).toBe(1)
      expect(large.mtimeMs).toBe(1_000_000)
    }
    expect((await stat(site.at('data/large'))).nlink).toBe(1)
  })

  it('refuses to link what has changed in the store, and leaves nothing', async () => {
    await using site = await openSite()
    await writeLarge(site.at('large'), 3 * mib, 4)
    const { tree } = await addTree({ store: site.store, path: site.at('large') })
    const reader = await openTree(site.store, tree.root)
    const entry = await reader.find('large')
    const cid = entry?.kind === 'file' ? await reader.cid(entry) : ''
    const object = site.at(`store/objects/${cid.slice(-2)}/${cid}`)
    await run('sh', [
      '-c',
      'chmod 600 "$0" && printf x | dd of="$0" bs=1 seek=9 conv=notrunc',
      object,
    ])
    await expect(
      exportTree({ store: site.store, tree, folder: site.at('out'), link: true }),
    ).rejects.toEqual(fault('corrupt', cid))
    expect((await stat(object)).nlink).toBe(1)
    expect((await readdir(site.at('.'))).sort()).toEqual(['db', 'large', 'store'])
  })

  it('names the small file whose bytes have changed in the store', async () => {
    await using site = await openSite()
    await writeMany(site.at('data'), 300, 10)
    const { tree } = await addTree({ store: site.store, path: site.at('data') })
    const store: Store = {
      ...site.store,
      async readSmalls(files, into) {
        await site.store.readSmalls(files, into)
        into[25]! ^= 1
      },
    }
    // The batch was wrong, the file by itself is right: nothing is lost by looking twice.
    await exportTree({ store, tree, folder: site.at('out') })
    await expectSame(site.at('data'), site.at('out'))
    const reader = await openTree(site.store, tree.root)
    const entry = await reader.find('plate-0002/well-250.dat')
    if (entry?.kind !== 'file') throw new Error('It is not there.')
    const cid = await reader.cid(entry)
    const broken: Store = {
      ...store,
      async file(...args) {
        if (args[0] !== cid) return site.store.file(...args)
        throw new Fault('corrupt', 'store.file', { about: cid })
      },
      async readSmalls(files, into) {
        await site.store.readSmalls(files, into)
        const at = files.findIndex((file) => file.cid === cid)
        if (at >= 0) into[at * 10]! ^= 1
      },
    }
    await expect(exportTree({ store: broken, tree, folder: site.at('again') })).rejects.toEqual(
      fault('corrupt', cid),
    )
    expect((await readdir(site.at('.'))).sort()).toEqual(['data', 'db', 'out', 'store'])
  })

  it('leaves nothing when it is aborted', async () => {
    await using site = await openSite()
    const { tree } = await addTree({ store: site.store, path: dicom })
    const stop = new AbortController()
    const exported = exportTree({
      store: site.store,
      tree,
      folder: site.at('out'),
      signal: stop.signal,
      onProgress: () => stop.abort(),
    })
    expect(await faultOf(exported)).toMatchObject({ name: 'AbortError' })
    expect((await readdir(site.at('.'))).sort()).toEqual(['db', 'store'])
  })

  it('leaves nothing on a disk that is full', async (context) => {
    await using disk = await openSmallDisk(3)
    if (disk === null) return context.skip()
    await using site = await openSite()
    await mkdir(site.at('data'))
    await writeMany(site.at('data'), 50, 20_000)
    await writeLarge(site.at('data/z.bin'), 4 * mib, 9)
    const { tree } = await addTree({ store: site.store, path: site.at('data') })
    const exported = exportTree({ store: site.store, tree, folder: join(disk.path, 'out') })
    await expect(exported).rejects.toEqual(fault('full'))
    expect(await readdir(disk.path)).toEqual([])
    // And the other way round: the store itself is on the disk that is full.
    const before = await freeBytes(disk.path)
    const db = await openDb({ folder: site.at('db2'), create: true })
    await using _ = db
    await using store = await openStore({ folder: disk.path, db, create: true })
    await expect(addTree({ store, path: site.at('data') })).rejects.toEqual(fault('full'))
    expect(await readdir(join(disk.path, 'objects'))).toEqual([])
    expect(await readdir(join(disk.path, 'tmp'))).toEqual([])
    expect(before - (await freeBytes(disk.path))).toBeLessThan(64 * 1024)
    await addTree({ store, path: site.at('data/plate-0000') })
  })

  it('needs no times, and works from memory', async () => {
    await using folder = await openFolder()
    const store = createMemoryStore()
    const { tree } = await addTree({ store, path: dicom })
    await exportTree({
      store,
      tree: { root: tree.root, times: null },
      folder: join(folder.path, 'out'),
    })
    expect((await run('diff', ['-r', dicom, join(folder.path, 'out')])).stdout).toBe('')
    expect((await lstat(join(folder.path, 'out'))).isDirectory()).toBe(true)
  })
})
