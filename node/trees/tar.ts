/**
 * A tree as one stream of POSIX tar, for whoever wants all of it on their own machine. One block is in
 * memory at a time, and each is verified before it is handed on. What the old header cannot hold (long or
 * foreign names, large files) stands in a pax header before it, as any tar of today reads it.
 */

import type { Root } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { blockBytes, blocksOf } from '../../protocol/unixfs.ts'
import type { Store } from '../store/store.ts'
import { openTree } from './trees.ts'

const recordBytes = 512
/** What the old header can say: bytes of a name, and of a size. */
const nameBytesMax = 100
const sizeMax = 8 ** 11 - 1

export type TarOptions = {
  readonly store: Store
  readonly tree: Pick<Tree, 'times'> & { readonly root: Root }
  /** The folder that all of it lies in. */
  readonly top: string
}

/** Up to this size a file is one piece with its header, in bytes. */
const oneMax = 65_536

/** A piece may be written over when the one after the next is asked for. Faults as the store does. */
export async function* tarOf({ store, tree, top }: TarOptions): AsyncGenerator<Uint8Array> {
  const reader = await openTree(store, tree.root, tree.times)
  const buffers = [new Uint8Array(blockBytes), new Uint8Array(blockBytes)]
  let blocks = 0
  yield headersOf(`${top}/`, { type: '5', size: 0, time: null })
  for await (const { entry, time } of reader.walk()) {
    const path = `${top}/${entry.path}`
    if (entry.kind === 'dir') {
      yield headersOf(`${path}/`, { type: '5', size: 0, time })
      continue
    }
    const { size } = entry
    await using file = await reader.open(entry)
    const headers = headersOf(path, { type: '0', size, time })
    const padding = paddingOf(size)
    if (size <= oneMax) {
      const content = size === 0 ? new Uint8Array(0) : await file.read(0, buffers[0])
      yield Buffer.concat([headers, content, padding])
      continue
    }
    yield headers
    for (let index = 0; index < blocksOf(size); index++)
      yield await file.read(index, buffers[blocks++ % 2])
    yield padding
  }
  // Two empty records are its end; without them it was cut.
  yield new Uint8Array(2 * recordBytes)
}

const paddingOf = (size: number) =>
  new Uint8Array((recordBytes - (size % recordBytes)) % recordBytes)

type Facts = { readonly type: '0' | '5' | 'x'; readonly size: number; readonly time: number | null }

const utf8 = new TextEncoder()

function headersOf(path: string, facts: Facts): Uint8Array {
  const lines: [string, string][] = []
  const isPlain = /^[\x20-\x7e]*$/.test(path) && path.length <= nameBytesMax
  if (!isPlain) lines.push(['path', path])
  if (facts.size > sizeMax) lines.push(['size', String(facts.size)])
  if (facts.time !== null) lines.push(['mtime', (facts.time / 1000).toFixed(3)])
  const header = headerOf(isPlain ? path : 'see-pax', facts)
  if (lines.length === 0) return header
  const said = Buffer.concat(lines.map(([key, value]) => paxLine(key, value)))
  const pax = headerOf('pax', { type: 'x', size: said.byteLength, time: null })
  return Buffer.concat([pax, said, paddingOf(said.byteLength), header])
}

/** `LENGTH KEY=VALUE`, where the length counts its own digits too. */
function paxLine(key: string, value: string): Uint8Array {
  const rest = utf8.encode(` ${key}=${value}\n`).byteLength
  let length = rest + String(rest).length
  if (rest + String(length).length !== length) length = rest + String(length).length
  return utf8.encode(`${length} ${key}=${value}\n`)
}

function headerOf(name: string, { type, size, time }: Facts): Uint8Array {
  const header = new Uint8Array(recordBytes)
  const put = (at: number, text: string) => header.set(utf8.encode(text), at)
  const octal = (at: number, value: number, digits: number) =>
    put(at, value.toString(8).padStart(digits, '0'))
  put(0, name)
  octal(100, type === '5' ? 0o755 : 0o644, 7)
  octal(108, 0, 7)
  octal(116, 0, 7)
  octal(124, size > sizeMax ? 0 : size, 11)
  octal(136, Math.max(0, Math.min(sizeMax, Math.floor((time ?? 0) / 1000))), 11)
  put(156, type)
  put(257, 'ustar\x0000')
  // Its sum is counted with spaces where the sum will stand.
  header.fill(0x20, 148, 156)
  const sum = header.reduce((all, byte) => all + byte, 0)
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `)
  return header
}
