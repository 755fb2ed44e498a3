/** The store in memory, for tests and simulation. It keeps every promise but the one about crashes. */
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { blockBytes, blockSize, blocksOf } from '../../protocol/unixfs.ts'
import { isBlock } from './held.ts'
import { type Bits, createBits, runsMissing } from './partials.ts'
import { openPlaces, withPlace } from './places.ts'
import {
  checkBatch,
  checkContent,
  digestsOfSmall,
  isContent,
  nameBlock,
  nameSmall,
} from './sha256.ts'
import { createWriter } from './stage.ts'
import { createStillness } from './stillness.ts'
import type { HeldFile, Incoming, Place, Puts, Stage, Store } from './store.ts'

type Objects = Map<string, Uint8Array>
type Partial = { bytes: Uint8Array; held: Bits }

export function createMemoryStore(): Store {
  const objects: Objects = new Map()
  const partials = new Map<FileCid, Partial>()
  const arriving = new Set<FileCid>()
  const places = new Map<FileCid, Place[]>()
  let damages = 0
  const stillness = createStillness()

  /** Out of what is held, and counted when it was. */
  function forget(cid: FileCid | Root): void {
    if (objects.delete(cid)) damages++
  }

  function get(cid: FileCid | Root): Uint8Array {
    const bytes = objects.get(cid)
    if (bytes !== undefined) return bytes
    throw new Fault('missing', 'store.read', { about: cid, text: `${cid} is not held here.` })
  }

  return {
    ...putsInto(objects),
    has: async (cid) => objects.has(cid),
    hasMany: async (cids) => cids.map((cid) => objects.has(cid)),
    block: async (cid) => get(cid).slice(),
    async file(cid, size, digests) {
      const left = objects.has(cid) ? undefined : places.get(cid)
      if (left !== undefined) return openPlaces(left, digests)
      const bytes = get(cid)
      if (bytes.byteLength !== size) throw corrupt(cid)
      return createMemoryFile(cid, bytes, digests)
    },
    async readSmalls(files, into) {
      let at = 0
      for (const { cid, size } of files) {
        const left = objects.has(cid) ? undefined : places.get(cid)
        if (left !== undefined) {
          await using held = await openPlaces(left, digestsOfSmall(cid, size))
          if (size > 0) await held.read(0, into.subarray(at, at + size))
        } else {
          const bytes = get(cid)
          if (bytes.byteLength !== size) throw corrupt(cid)
          into.set(bytes, at)
        }
        at += size
      }
    },
    async put(cid, size, digests) {
      checkContent(cid, size, digests)
      if (arriving.has(cid)) {
        throw new Fault('busy', 'store.put', {
          about: cid,
          text: `${cid} is arriving already, with another transfer.`,
        })
      }
      arriving.add(cid)
      const partial = partials.get(cid) ?? {
        bytes: new Uint8Array(size),
        held: createBits(blocksOf(size)),
      }
      partials.set(cid, partial)
      return createMemoryIncoming(cid, partial, digests, (keep) => {
        arriving.delete(cid)
        if (keep === 'object') objects.set(cid, partial.bytes)
        if (keep !== 'partial') partials.delete(cid)
      })
    },
    flush: async () => {},
    stage: async () => createMemoryStage(objects, places),
    async sweepPartials(keep) {
      const swept = [...partials.keys()].filter((cid) => !arriving.has(cid) && !keep(cid))
      for (const cid of swept) partials.delete(cid)
      return swept.length
    },
    remove: (cids) =>
      stillness.change(async () => {
        for (const cid of cids) forget(cid)
      }),
    async *list() {
      for (const [cid, { byteLength }] of objects)
        yield { cid: cid as FileCid | Root, bytes: byteLength }
    },
    compact: ({ signal }) =>
      stillness.change(async () => {
        signal?.throwIfAborted()
        return { bytes: 0 }
      }),
    async check(cid) {
      const bytes = objects.get(cid)
      if (bytes === undefined) return 'missing'
      return isContent(cid, bytes) ? 'whole' : 'damaged'
    },
    quarantine: (cid) => stillness.change(async () => forget(cid)),
    still: stillness.hold,
    get damages() {
      return damages
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function putsInto(objects: Objects): Puts {
  return {
    async putBlock(bytes) {
      const cid = nameBlock(bytes)
      objects.set(cid, bytes.slice())
      return cid
    },
    async putSmall(digest, bytes) {
      const cid = nameSmall(digest, bytes)
      objects.set(cid, bytes.slice())
      return cid
    },
    async putSmalls(files) {
      checkBatch(files)
      const cids = files.map(({ digest, bytes }) => nameSmall(digest, bytes))
      for (const [i, cid] of cids.entries()) objects.set(cid, files[i]!.bytes.slice())
      return cids
    },
  }
}

function createMemoryFile(cid: FileCid, all: Uint8Array, digests: Uint8Array): HeldFile {
  const size = all.byteLength
  return {
    size,
    async read(index, into, options) {
      const at = index * blockBytes
      const bytes = all.subarray(at, at + blockSize(size, index))
      if (!options?.trust && !isBlock(bytes, digests, index)) throw corrupt(cid)
      if (into === undefined) return bytes.slice()
      into.set(bytes)
      return into.subarray(0, bytes.byteLength)
    },
    cloneTo: async () => false,
    [Symbol.asyncDispose]: async () => {},
  }
}

function createMemoryIncoming(
  cid: FileCid,
  { bytes: all, held }: Partial,
  digests: Uint8Array,
  end: (keep: 'object' | 'partial' | 'nothing') => void,
): Incoming {
  const size = all.byteLength
  const count = blocksOf(size)
  return {
    missing: () => runsMissing(held, count),
    get heldBytes() {
      let sum = 0
      for (let i = 0; i < count; i++) if (held.has(i)) sum += blockSize(size, i)
      return sum
    },
    async write(index, bytes) {
      if (
        !(index < count) ||
        bytes.byteLength !== blockSize(size, index) ||
        !isBlock(bytes, digests, index)
      ) {
        throw new Fault('corrupt', 'store.write', {
          about: cid,
          side: 'there',
          text: `Block ${index} of ${cid} is not what it should be.`,
        })
      }
      all.set(bytes, index * blockBytes)
      held.set(index)
    },
    checkpoint: async () => {},
    async finish() {
      for (const run of runsMissing(held, count)) {
        throw new Fault('conflict', 'store.finish', {
          about: cid,
          text: `Block ${run.first} has not arrived yet.`,
        })
      }
      end('object')
    },
    close: async () => end('partial'),
    discard: async () => end('nothing'),
  }
}

function createMemoryStage(objects: Objects, places: Map<FileCid, Place[]>): Stage {
  const staged: Objects = new Map()
  const referred = new Map<FileCid, Place[]>()
  return {
    ...putsInto(staged),
    async writer() {
      const blocks: Uint8Array[] = []
      return createWriter({
        write: async (bytes) => void blocks.push(bytes.slice()),
        end: async ({ cid }) => void staged.set(cid, new Uint8Array(Buffer.concat(blocks))),
        discard: async () => {},
      })
    },
    async refer(cid, place) {
      referred.set(cid, withPlace(referred.get(cid) ?? [], place))
    },
    async keep() {
      for (const [cid, bytes] of staged) objects.set(cid, bytes)
      for (const [cid, list] of referred)
        places.set(
          cid,
          list.reduceRight((all, place) => withPlace(all, place), places.get(cid) ?? []),
        )
    },
    async [Symbol.asyncDispose]() {
      staged.clear()
      referred.clear()
    },
  }
}

function corrupt(cid: FileCid): Fault {
  return new Fault('corrupt', 'store.read', { about: cid, text: `${cid} has changed in memory.` })
}
