import { execFile } from 'node:child_process'
import { existsSync, renameSync } from 'node:fs'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { fault } from '../../test/contracts/store.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { cytometry, dicom, writeLarge, writeMany, writeOdd } from '../../test/trees.ts'
import { createMemoryStore } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { addTree, type Progress } from './add.ts'
import { openTree } from './trees.ts'
import { verifyTree } from './verify.ts'

const run = promisify(execFile)

async function pathsOf(store: Store, tree: Tree): Promise<string[]> {
  const paths: string[] = []
  for await (const { entry } of (await openTree(store, tree.root)).walk()) {
    paths.push(entry.kind === 'dir' ? `${entry.path}/` : entry.path)
  }
  return paths
}

describe('addTree', () => {
  it('takes a folder of real files as it is', async () => {
    const store = createMemoryStore()
    const { tree, flagged } = await addTree({ store, path: cytometry })
    expect(await pathsOf(store, tree)).toEqual([
      '0877408774.B08',
      '0877408774.E07',
      '0877408774.F06',
      ...[1, 2, 3, 4, 5].map((i) => `compensation/060909.00${i}`),
      'compensation/comp_match',
      'compensation/compmatrix',
      'compensation/compref',
    ])
    expect(tree).toMatchObject({ entries: 11, files: 11, blocks: 11 })
    expect(flagged).toEqual([])
    expect(await verifyTree({ store, tree })).toEqual({
      files: 11,
      bytes: tree.bytes,
      bad: [],
      badCount: 0,
    })
  })

  it('gives the same root for the same files, whenever and wherever they were written', async () => {
    await using folder = await openFolder()
    const store = createMemoryStore()
    const first = await addTree({ store, path: dicom })
    await run('cp', ['-r', dicom, join(folder.path, 'copy')])
    await utimes(join(folder.path, 'copy', 'DICOMDIR'), 1, 1)
    const second = await addTree({ store, path: join(folder.path, 'copy') })
    expect(second.tree.root).toBe(first.tree.root)
    expect(second.tree.times).not.toBe(first.tree.times)
  })

  it('keeps odd names, hidden files, empty files and empty folders, and flags what others cannot hold', async () => {
    await using folder = await openFolder()
    await writeOdd(folder.path)
    await writeFile(join(folder.path, 'A.TXT'), '')
    const store = createMemoryStore()
    const { tree, flagged } = await addTree({ store, path: folder.path })
    const paths = await pathsOf(store, tree)
    expect(paths).toContain('.hidden')
    expect(paths).toContain('empty.fcs')
    expect(paths).toContain('empty folder/')
    expect(paths).toContain('caf\u00e9.txt')
    expect(paths).toContain('cafe\u0301.txt')
    expect(paths.filter((path) => path.startsWith('a'))).toEqual([
      'a/deep/er/folder/leaf.txt',
      'a.txt',
    ])
    expect(flagged.map((line) => line.split(':')[0]).sort()).toEqual([
      'a.txt',
      'back\\slash.txt',
      'caf\u00e9.txt',
      'trailing space ',
      'with spaces and',
    ])
  })

  it('takes a single file, under its own name or in a folder of the tree', async () => {
    const store = createMemoryStore()
    const path = join(cytometry, 'compensation', 'compref')
    expect(await pathsOf(store, (await addTree({ store, path })).tree)).toEqual(['compref'])
    expect(await pathsOf(store, (await addTree({ store, path, under: 'results' })).tree)).toEqual([
      'results/compref',
    ])
    const all = await addTree({ store, path: cytometry, under: 'a/b' })
    expect((await pathsOf(store, all.tree))[0]).toBe('a/b/0877408774.B08')
  })

  it('takes an empty folder as an empty tree', async () => {
    await using folder = await openFolder()
    const store = createMemoryStore()
    const { tree } = await addTree({ store, path: folder.path })
    expect(tree).toMatchObject({ entries: 0, files: 0, bytes: 0, blocks: 0 })
    expect(await pathsOf(store, tree)).toEqual([])
  })

  it('keeps times to the millisecond', async () => {
    await using folder = await openFolder()
    await writeFile(join(folder.path, 'a'), '')
    await mkdir(join(folder.path, 'b'))
    for (const name of ['a', 'b'])
      await utimes(join(folder.path, name), 1_600_000_000.123, 1_600_000_000.123)
    const store = createMemoryStore()
    const { tree } = await addTree({ store, path: folder.path })
    const times: (number | null)[] = []
    for await (const { time } of (await openTree(store, tree.root, tree.times)).walk())
      times.push(time)
    expect(times).toEqual([1_600_000_000_123, 1_600_000_000_123])
  })

  it('tells how far it is', async () => {
    const seen: Progress[] = []
    const store = createMemoryStore()
    const { tree } = await addTree({
      store,
      path: cytometry,
      onProgress: (progress) => seen.push(progress),
    })
    expect(seen.at(-1)).toEqual({
      files: 11,
      bytes: tree.bytes,
      filesTotal: 11,
      bytesTotal: tree.bytes,
    })
  })
})

/** Adds, expects to be refused, and that nothing at all was kept. */
async function refused(
  path: string,
  more: Partial<Parameters<typeof addTree>[0]> = {},
): Promise<Fault> {
  const kept: string[] = []
  const store = createMemoryStore()
  const watched: Store = {
    ...store,
    async stage() {
      const stage = await store.stage()
      return { ...stage, keep: async (name) => void kept.push(name) }
    },
  }
  const thrown = await faultOf(addTree({ store: watched, path, ...more }))
  expect(thrown).toBeInstanceOf(Fault)
  expect(kept).toEqual([])
  return thrown as Fault
}

describe('addTree refuses, with every path in one list and nothing kept', () => {
  it('sockets, pipes, links and devices', async () => {
    await using folder = await openFolder()
    const at = (name: string) => join(folder.path, name)
    await writeFile(at('fine'), 'fine')
    await run('mkfifo', [at('pipe')])
    await mkdir(at('deep'))
    await symlink('../fine', at('deep/link'))
    await symlink('/dev/null', at('null'))
    const server = createServer().listen(at('socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    const { kind, list, about } = await refused(folder.path)
    server.close()
    expect(kind).toBe('invalid')
    expect(about).toBe('deep/link')
    expect(list.map((line) => line.split(';')[0])).toEqual([
      'deep/link: it is a link',
      'null: it is a link',
      'pipe: it is a pipe',
      'socket: it is a socket',
    ])
    expect((await refused('/dev/null')).list).toEqual([
      '/dev/null: it is a device'.replace('/dev/', ''),
    ])
  })

  it('names that are not UTF-8 or have control characters', async () => {
    await using folder = await openFolder()
    await writeFile(
      Buffer.concat([Buffer.from(`${folder.path}/bad-`), Buffer.from([0xff, 0xc3])]),
      '',
    )
    await writeFile(join(folder.path, 'line\nbreak'), '')
    const { list, kind } = await refused(folder.path)
    expect(kind).toBe('invalid')
    expect(list).toEqual([
      'bad-\\xff\\xc3: the name is not valid UTF-8',
      'line\\u{a}break: the name has control characters',
    ])
  })

  it('a path that is not there', async () => {
    expect((await refused('/nowhere/at/all')).kind).toBe('missing')
  })

  it('the first hundred by name, and counts the rest', async () => {
    await using folder = await openFolder()
    for (let i = 0; i < 250; i++)
      await symlink('nothing', join(folder.path, String(i).padStart(3, '0')))
    const { list, message } = await refused(folder.path)
    expect(list).toHaveLength(100)
    expect(list.at(-1)).toBe('… and 151 more')
    expect(message).toContain('250 paths')
  })

  it.skipIf(process.getuid?.() === 0)('files and folders that may not be read', async () => {
    await using folder = await openFolder()
    await mkdir(join(folder.path, 'closed'))
    await writeFile(join(folder.path, 'secret'), '')
    for (const name of ['closed', 'secret']) await chmod(join(folder.path, name), 0)
    const { kind, list } = await refused(folder.path)
    await chmod(join(folder.path, 'closed'), 0o700)
    expect(kind).toBe('denied')
    expect(list).toHaveLength(2)
  })

  const mib = 1024 * 1024
  const meanwhile: [string, (path: string) => Promise<unknown>][] = [
    ['grows', (path) => appendFile(path, 'x')],
    ['is cut', (path) => truncate(path, mib + 5)],
    ['is overwritten', (path) => writeFile(path, 'x', { flag: 'r+' })],
  ]
  for (const inPlace of [false, true]) {
    it.each(meanwhile)(
      `a file that %s while it is read (in place: ${inPlace})`,
      async (_, change) => {
        await using folder = await openFolder()
        const path = join(folder.path, 'growing.bin')
        await writeLarge(path, 40 * mib, 5)
        let done: Promise<unknown> | undefined
        const onProgress = () => {
          done ??= change(path)
        }
        const { kind, list } = await refused(folder.path, { inPlace, onProgress })
        await done
        expect(kind).toBe('conflict')
        expect(list).toEqual(['growing.bin: it changed while it was read'])
      },
    )
  }

  it('files that vanish while others are read, all of them', async () => {
    await using folder = await openFolder()
    const [path, away] = [join(folder.path, 'here'), join(folder.path, 'away')]
    // More than is read ahead.
    await writeMany(path, 6000, 10)
    const onProgress = () => {
      if (existsSync(path)) renameSync(path, away)
    }
    const { kind, list } = await refused(path, { onProgress })
    expect(kind).toBe('conflict')
    expect(list.length).toBeGreaterThan(0)
    for (const line of list) expect(line).toMatch(/vanished|changed|more$/)
  })

  it('to go on when it is aborted', async () => {
    const stop = new AbortController()
    const store = createMemoryStore()
    const adding = addTree({
      store,
      path: dicom,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    })
    await expect(adding).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('addTree with links to follow', () => {
  it('takes the content of those that stay inside', async () => {
    await using folder = await openFolder()
    const at = (name: string) => join(folder.path, name)
    await mkdir(at('real/sub'), { recursive: true })
    await writeFile(at('real/sub/file'), 'content')
    await symlink('real/sub/file', at('a-file'))
    await symlink('real', at('z-folder'))
    const store = createMemoryStore()
    const { tree } = await addTree({ store, path: folder.path, links: 'follow' })
    expect(await pathsOf(store, tree)).toEqual(['a-file', 'real/sub/file', 'z-folder/sub/file'])
    const inPlace = await addTree({ store, path: folder.path, links: 'follow', inPlace: true })
    expect(inPlace.tree.root).toBe(tree.root)
  })

  it('refuses those that lead out, nowhere, or around', async () => {
    await using folder = await openFolder()
    const at = (name: string) => join(folder.path, name)
    await mkdir(at('in/side'), { recursive: true })
    await symlink('..', at('in/side/up'))
    await symlink('/etc', at('etc'))
    await symlink('nowhere', at('nowhere'))
    await symlink('self', at('self'))
    await symlink('../../in', at('in/side/around'))
    const { list } = await refused(folder.path, { links: 'follow' })
    expect(list).toEqual([
      'etc: it is a link that leaves the folder',
      'in/side/around: it is a link to a folder that it lies in',
      'in/side/up: it is a link to a folder that it lies in',
      'nowhere: it is a link to nothing',
      'self: it is a link to nothing',
    ])
  })

  it('refuses a neighbour whose name begins like the folder', async () => {
    await using folder = await openFolder()
    await mkdir(join(folder.path, 'data'))
    await mkdir(join(folder.path, 'data-secret'))
    await symlink('../data-secret', join(folder.path, 'data', 'link'))
    expect((await refused(join(folder.path, 'data'), { links: 'follow' })).list).toEqual([
      'link: it is a link that leaves the folder',
    ])
  })
})

describe('addTree in place', () => {
  it('gives the same tree, copies nothing, and follows the files as long as they stay the same', async () => {
    await using folder = await openFolder()
    const path = join(folder.path, 'data')
    await run('cp', ['-r', cytometry, path])
    await link(join(path, '0877408774.B08'), join(path, 'same-again'))
    const store = createMemoryStore()
    const { tree } = await addTree({ store, path, inPlace: true })
    const copied = await addTree({ store: createMemoryStore(), path })
    expect(tree).toEqual(copied.tree)
    const reader = await openTree(store, tree.root)
    for await (const entry of reader.entries()) expect(await store.has(entry.cid!)).toBe(false)
    expect((await verifyTree({ store, tree })).files).toBe(12)
    await truncate(join(path, 'compensation', 'compref'), 10)
    const { files, bad } = await verifyTree({ store, tree })
    expect(files).toBe(11)
    expect(bad).toHaveLength(1)
    expect(bad[0]).toContain(join(path, 'compensation', 'compref'))
    const entry = await reader.find('compensation/compref')
    if (entry?.kind !== 'file') throw new Error('It is not there.')
    await expect(reader.open(entry)).rejects.toEqual(
      fault('conflict', join(path, 'compensation', 'compref')),
    )
  })
})
