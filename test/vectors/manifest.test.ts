import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../node/store/sha256.ts'
import { Fault } from '../../protocol/fault.ts'
import {
  decodeList,
  decodePage,
  decodeRoot,
  decodeTimesPage,
  decodeTimesRoot,
} from '../../protocol/manifest.ts'
import { endsPage, type PageEnd, readPage } from '../../protocol/pages.ts'
import { checkPath } from '../../protocol/paths.ts'
import { fileCid } from '../../protocol/unixfs.ts'
import {
  fileOf,
  folder,
  type Task,
  textOf,
  toJson,
  type Vector,
  vectors,
} from './generate-manifest.ts'

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

/** The bytes that a task decodes, and how. Only these can be cut. */
function decoderOf(
  task: Task,
): { bytes: Uint8Array; decode: (bytes: Uint8Array) => unknown } | undefined {
  if ('page' in task) return { bytes: bytesOf(task.page), decode: decodePage }
  if ('root' in task) return { bytes: bytesOf(task.root), decode: decodeRoot }
  if ('list' in task) {
    return {
      bytes: bytesOf(task.list),
      decode: (bytes) => decodeList(bytes, task.size, task.index),
    }
  }
  if ('timesRoot' in task)
    return { bytes: bytesOf(task.timesRoot), decode: (bytes) => decodeTimesRoot(bytes, task.pages) }
  if ('timesPage' in task)
    return {
      bytes: bytesOf(task.timesPage),
      decode: (bytes) => decodeTimesPage(bytes, task.entries),
    }
  return undefined
}

function run(task: Task): unknown {
  const decoder = decoderOf(task)
  if (decoder !== undefined) return decoder.decode(decoder.bytes)
  if ('tree' in task) return readTree(bytesOf(task.tree.root), task.tree.pages.map(bytesOf))
  if ('path' in task) {
    checkPath(task.path)
    return task.path
  }
  if ('endsPage' in task) return endsPage(sha256, task.endsPage)
  if (!('fileCid' in task)) throw new Error('An unknown task.')
  const { size, digests, times } = task.fileCid
  return fileCid(sha256, size, bytesOf(digests.repeat(times)))
}

function readTree(node: Uint8Array, pages: Uint8Array[]): number[] {
  const root = decodeRoot(node)
  let previous: PageEnd | undefined
  return root.pages.map((link, i) => {
    const { page, end } = readPage(sha256, pages[i]!, link, previous)
    previous = end
    return page.entries.length
  })
}

async function readVectors(): Promise<(Vector & { file: string })[]> {
  const names = (await readdir(folder)).sort()
  return Promise.all(
    names.map(async (file) => ({
      ...JSON.parse(await readFile(join(folder, file), 'utf8')),
      name: file.slice(0, -5),
      file,
    })),
  )
}

const all = await readVectors()

describe('the vectors of the manifest', () => {
  it('are those that the generator writes', async () => {
    const generated = vectors()
    expect(all.map((vector) => vector.name).sort()).toEqual(
      generated.map((vector) => vector.name).sort(),
    )
    for (const vector of generated)
      expect(await readFile(fileOf(vector), 'utf8')).toBe(textOf(vector))
  })

  it('are as many that hold as are refused', () => {
    const refused = all.filter((vector) => vector.fault !== undefined)
    expect(refused.length).toBe(all.length - refused.length)
  })

  for (const vector of all) {
    it(`${vector.name}: ${vector.sentence}`, () => {
      if (vector.fault === undefined) return expect(toJson(run(vector.do))).toEqual(vector.value)
      expect(() => run(vector.do)).toThrow(
        expect.objectContaining({ name: 'Fault', kind: vector.fault }),
      )
    })
  }

  it('are refused in words when they are cut, at whatever byte', () => {
    let cuts = 0
    for (const { do: task, fault } of all) {
      if (fault !== undefined) continue
      const decoder = decoderOf(task)
      if (decoder === undefined) continue
      for (let length = 0; length < decoder.bytes.byteLength; length++, cuts++) {
        const thrown = catching(() => decoder.decode(decoder.bytes.slice(0, length)))
        expect(thrown).toBeInstanceOf(Fault)
        expect((thrown as Fault).kind).toBe('invalid')
      }
    }
    expect(cuts).toBeGreaterThan(2000)
  })
})

function catching(run: () => unknown): unknown {
  try {
    return run()
  } catch (thrown) {
    return thrown
  }
}
