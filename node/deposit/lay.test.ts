import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { fault } from '../../test/contracts/store.ts'
import { openFolder } from '../../test/folder.ts'
import { writeLarge, writeMany } from '../../test/trees.ts'
import { openDb } from '../db/db.ts'
import { openStore } from '../store/objects.ts'
import { addTree } from '../trees/add.ts'
import { lay } from './lay.ts'

const run = promisify(execFile)
const mib = 1024 * 1024
const { signal } = new AbortController()
const clean = { conflicts: [], conflictsCount: 0 }

/** A store, a first version of a dataset, and that version laid out in `out`. */
async function openLaid(more: (path: string) => Promise<unknown> = async () => {}) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await openFolder())
  const at = (name: string) => join(folder.path, name)
  const db = stack.use(await openDb({ folder: at('db'), create: true }))
  const store = stack.use(await openStore({ folder: at('store'), db, create: true }))
  await mkdir(at('data/notes'), { recursive: true })
  await mkdir(at('deposits'))
  await writeFile(at('data/a.txt'), 'first a')
  await writeFile(at('data/notes/b.txt'), 'first b')
  await writeFile(at('data/notes/c.txt'), 'first c')
  await more(at('data'))
  const read = async () => (await addTree({ store, path: at('data') })).tree
  const first = await read()
  const out = at('deposits/out')
  const options = { store, folder: out, link: false, signal }
  expect(await lay({ ...options, tree: first })).toEqual({
    files: first.files,
    bytes: first.bytes,
    ...clean,
  })
  return {
    at,
    out,
    first,
    read,
    options,
    /** What `diff -r` says of the folder and the data. */
    async diff() {
      return (await run('diff', ['-r', at('data'), out]).catch((thrown) => thrown)).stdout
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

describe('a next version', () => {
  it('adds what is new, replaces what we laid, and touches nothing else', async () => {
    await using laid = await openLaid((path) => writeLarge(join(path, 'large'), 3 * mib, 1))
    const { at, out } = laid
    const before = await stat(join(out, 'large'))
    await writeFile(at('data/a.txt'), 'second a, longer')
    await mkdir(at('data/new/deep'), { recursive: true })
    await writeFile(at('data/new/deep/d.txt'), 'd')
    await mkdir(at('data/empty'))
    await utimes(at('data/empty'), 1000, 1000)
    const tree = await laid.read()
    const done = await lay({ ...laid.options, tree, before: laid.first })
    expect(done).toEqual({ files: 5, bytes: tree.bytes, ...clean })
    expect(await laid.diff()).toBe('')
    expect((await stat(join(out, 'large'))).ino).toBe(before.ino)
    expect((await stat(join(out, 'empty'))).mtimeMs).toBe(1_000_000)
    expect(await readdir(at('deposits'))).toEqual(['out'])
  })

  it('leaves alone what somebody put there or changed, and names it', async () => {
    await using laid = await openLaid()
    const { at, out } = laid
    await writeFile(join(out, 'mine.txt'), 'mine')
    await writeFile(join(out, 'd.txt'), 'my own d')
    await writeFile(join(out, 'notes/b.txt'), 'my own b')
    await writeFile(join(out, 'notes/c.txt'), 'my own c, which comes with no new one')
    await writeFile(join(out, 'new'), 'a file where a folder is to be')
    await writeFile(at('data/d.txt'), 'd')
    await writeFile(at('data/a.txt'), 'second a')
    await writeFile(at('data/notes/b.txt'), 'second b')
    await mkdir(at('data/new'))
    await writeFile(at('data/new/e.txt'), 'e')
    const tree = await laid.read()
    expect(await lay({ ...laid.options, tree, before: laid.first })).toEqual({
      files: 1,
      bytes: 'second a'.length,
      conflicts: ['d.txt', 'new/e.txt', 'notes/b.txt', 'notes/c.txt'],
      conflictsCount: 4,
    })
    const texts = ['a.txt', 'mine.txt', 'd.txt', 'notes/b.txt', 'new'].map((name) =>
      readFile(join(out, name), 'utf8'),
    )
    expect(await Promise.all(texts)).toEqual([
      'second a',
      'mine',
      'my own d',
      'my own b',
      'a file where a folder is to be',
    ])
  })

  it('goes through no link that somebody made', async () => {
    await using laid = await openLaid()
    const { at, out } = laid
    await mkdir(at('elsewhere'))
    await rm(join(out, 'notes'), { recursive: true })
    await symlink(at('elsewhere'), join(out, 'notes'))
    await symlink(at('elsewhere/a.txt'), join(out, 'd.txt'))
    await writeFile(at('data/d.txt'), 'd')
    await writeFile(at('data/notes/b.txt'), 'second b')
    const tree = await laid.read()
    const done = await lay({ ...laid.options, tree, before: laid.first })
    expect(done.conflicts).toEqual(['d.txt', 'notes/b.txt', 'notes/c.txt'])
    expect(await readdir(at('elsewhere'))).toEqual([])
  })

  it('brings back what was taken away', async () => {
    await using laid = await openLaid()
    await rm(join(laid.out, 'notes'), { recursive: true })
    await lay({ ...laid.options, tree: laid.first, before: laid.first })
    expect(await laid.diff()).toBe('')
  })

  it('that was laid out in part is completed, also when nobody remembers it', async () => {
    await using laid = await openLaid((path) => writeMany(join(path, 'many'), 150, 50))
    const { at, out } = laid
    await writeFile(at('data/a.txt'), 'second a')
    await writeFile(at('data/notes/b.txt'), 'second b')
    const tree = await laid.read()
    // As after a crash between two names.
    await writeFile(join(out, 'a.txt'), 'second a')
    expect((await lay({ ...laid.options, tree, before: laid.first })).conflicts).toEqual([])
    expect(await laid.diff()).toBe('')
    // And as after one between the last name and the record of it.
    expect(await lay({ ...laid.options, tree })).toEqual({
      files: tree.files,
      bytes: tree.bytes,
      ...clean,
    })
    await rm(join(out, 'a.txt'))
    await writeFile(join(out, 'notes/b.txt'), 'somebody’s')
    expect((await lay({ ...laid.options, tree })).conflicts).toEqual(['notes/b.txt'])
    expect(await readFile(join(out, 'a.txt'), 'utf8')).toBe('second a')
  })

  it('never writes over a file that came while it was laid out', async () => {
    await using laid = await openLaid()
    const { at, out } = laid
    await writeFile(at('data/a.txt'), 'second a')
    await writeFile(at('data/d.txt'), 'd')
    const tree = await laid.read()
    let came: Promise<unknown> | undefined
    const store: typeof laid.options.store = {
      ...laid.options.store,
      // Between the judging of what is there and the moving of what is new.
      async readSmalls(files, into) {
        came ??= Promise.all([
          writeFile(join(out, 'a.txt'), 'mine a'),
          writeFile(join(out, 'd.txt'), 'mine d'),
        ])
        await came
        return laid.options.store.readSmalls(files, into)
      },
    }
    const done = await lay({ ...laid.options, store, tree, before: laid.first })
    expect([...done.conflicts].sort()).toEqual(['a.txt', 'd.txt'])
    expect(await readFile(join(out, 'a.txt'), 'utf8')).toBe('mine a')
    expect(await readFile(join(out, 'd.txt'), 'utf8')).toBe('mine d')
  })

  it('replaces a linked file by a new one, and leaves the store its own', async () => {
    await using folder = await openFolder()
    const at = (name: string) => join(folder.path, name)
    await using db = await openDb({ folder: at('db'), create: true })
    await using store = await openStore({ folder: at('store'), db, create: true })
    await mkdir(at('data'))
    await writeLarge(at('data/large'), 2 * mib, 1)
    const { tree: first } = await addTree({ store, path: at('data') })
    const options = { store, folder: at('out'), link: true, signal }
    await lay({ ...options, tree: first })
    expect((await stat(at('out/large'))).nlink).toBe(2)
    await rm(at('data/large'))
    await writeLarge(at('data/large'), 2 * mib, 2)
    const { tree } = await addTree({ store, path: at('data') })
    expect((await lay({ ...options, tree, before: first })).conflicts).toEqual([])
    expect((await run('cmp', [at('data/large'), at('out/large')])).stdout).toBe('')
    await lay({ ...options, folder: at('again'), tree: first })
  })
})

it('a file where the folder is to be is a conflict, in words', async () => {
  await using laid = await openLaid()
  await writeFile(laid.at('deposits/other'), 'mine')
  const other = laid.at('deposits/other')
  await expect(lay({ ...laid.options, folder: other, tree: laid.first })).rejects.toEqual(
    fault('conflict', other),
  )
  expect(await readFile(other, 'utf8')).toBe('mine')
})

it('an abort leaves what was there and nothing beside it', async () => {
  await using laid = await openLaid()
  await writeFile(laid.at('data/a.txt'), 'second a')
  const tree = await laid.read()
  const stop = new AbortController()
  const store: typeof laid.options.store = {
    ...laid.options.store,
    async readSmalls(...args) {
      stop.abort(new Error('stop'))
      return laid.options.store.readSmalls(...args)
    },
  }
  const options = { ...laid.options, store, tree, before: laid.first, signal: stop.signal }
  await expect(lay(options)).rejects.toThrow('stop')
  expect(await readFile(join(laid.out, 'a.txt'), 'utf8')).toBe('first a')
  expect(await readdir(laid.at('deposits'))).toEqual(['out'])
})
