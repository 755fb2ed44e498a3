/**
 * Which dataset holds a file with this CID: asked by those who have nothing but the CID, and answered only
 * out of datasets that they may read themselves. To know it at once for a file among millions, the files
 * of a version are noted when somebody asks for the first time; a note is believed when the tree has that
 * file at that place, so it may be lost or out of date.
 */
import { asFault, type Fault } from '../../protocol/fault.ts'
import type { DatasetId, FileCid, Root } from '../../protocol/ids.ts'
import { digestBytes, readCidText } from '../../protocol/unixfs.ts'
import { createBreath } from '../base/breath.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import type { LooseRecord } from '../db/loose.ts'
import type { Store } from '../store/store.ts'
import { openTree } from '../trees/trees.ts'
import { type Dataset, type DatasetVersion, versionOf } from './dataset.ts'
import { type Datasets, listMax } from './datasets.ts'
import { type OpenFile, openFiles } from './files.ts'
import type { Person } from './projects.ts'

/** How long one question waits for versions to be noted before it is told to come again, in milliseconds. */
const patienceMs = 2000
/** Notes of one write. */
const notesAtOnce = 16_384

/** Something with a CID, in a version of a dataset that the asker may read. */
export type Holding = {
  readonly dataset: Dataset
  readonly version: DatasetVersion
  /** A file, or the root of the version's tree. */
  readonly what: 'file' | 'root'
  open(): Promise<OpenFile>
}

export interface Holdings extends AsyncDisposable {
  /** Undefined when no dataset that `by` may read holds it; `looking` when that is not known yet. */
  find(cid: string, by: Person): Promise<Holding | 'looking' | undefined>
}

export type HoldingsNeeds = {
  readonly db: Db
  readonly store: Store
  readonly clock: Clock
  readonly datasets: Datasets
  readonly log: (fault: Fault) => void
}

type Version = { readonly dataset: DatasetId; readonly version: DatasetVersion }

export function openHoldings({ db, store, clock, datasets, log }: HoldingsNeeds): Holdings {
  const notes = db.loose('holdings')
  const files = openFiles({ db, store })
  const stopping = new AbortController()
  /** Versions that are being noted or wait for it, by the key of their mark. */
  const waiting = new Map<string, Version>()
  /** Those that could not be read: until the next start nobody waits for them. */
  const damaged = new Set<string>()
  let noting: Promise<void> | undefined

  /** The dataset, when `by` may read it. */
  async function readable(id: DatasetId, by: Person): Promise<Dataset | undefined> {
    try {
      return await datasets.need(id, by, 'dataset.read')
    } catch (thrown) {
      const { kind } = asFault(thrown, 'holdings.find')
      if (kind === 'missing' || kind === 'gone' || kind === 'denied') return undefined
      throw thrown
    }
  }

  async function rootOf(cid: Root, by: Person): Promise<Holding | undefined> {
    for (const { dataset: id, version: number } of await datasets.knowing(cid, by)) {
      const dataset = await readable(id, by)
      const version = dataset && versionOf(dataset, number)
      if (dataset === undefined || version?.tree.root !== cid) continue
      return { dataset, version, what: 'root', open: () => files.root(cid) }
    }
    return undefined
  }

  async function noted(cid: FileCid, prefix: Uint8Array, by: Person): Promise<Holding | undefined> {
    for await (const { key, value } of notes.list({ prefix })) {
      if (key.byteLength !== noteKeyBytes) continue
      const dataset = await readable(datasetIn(key), by)
      const place = placeIn(value)
      const version = dataset?.versions[place.version - 1]
      if (dataset === undefined || version === undefined) continue
      const reader = await openTree(store, version.tree.root)
      if (place.page >= reader.node.pages.length) continue
      const entry = (await reader.page(place.page)).entries[place.entry]
      if (entry?.kind !== 'file' || (await reader.cid(entry)) !== cid) continue
      return { dataset, version, what: 'file', open: () => files.open(version.tree, entry.path) }
    }
    return undefined
  }

  /** Versions that `by` may read and of which nothing is noted. */
  async function unnoted(by: Person): Promise<Version[]> {
    const found: Version[] = []
    for (let after: DatasetId | undefined; ; ) {
      const page = await datasets.list(by, after === undefined ? {} : { after })
      const versions = page.flatMap(({ id, versions }) =>
        versions.map((version) => ({ dataset: id, version })),
      )
      const marks = await notes.getMany(versions.map(markOf))
      found.push(
        ...versions.filter((one, i) => marks[i] === undefined && !damaged.has(nameOf(one))),
      )
      if (page.length < listMax) return found
      after = page.at(-1)!.id
    }
  }

  async function note({ dataset, version }: Version): Promise<void> {
    const reader = await openTree(store, version.tree.root)
    const breath = createBreath()
    let puts: LooseRecord[] = []
    // On the disk before the mark says that they are there.
    const flush = async (more: LooseRecord[] = []) => {
      await notes.write([...puts, ...more], [], { sync: true })
      puts = []
    }
    for (let page = 0; page < reader.node.pages.length; page++) {
      stopping.signal.throwIfAborted()
      await breath()
      const { entries } = await reader.page(page)
      for (const [at, entry] of entries.entries()) {
        if (entry.kind !== 'file') continue
        const key = new Uint8Array(noteKeyBytes)
        readCidText(await reader.cid(entry), key)
        new DataView(key.buffer).setBigUint64(digestBytes, BigInt(dataset))
        puts.push({ key, value: noteOf({ version: version.version, page, entry: at }) })
      }
      if (puts.length >= notesAtOnce) await flush()
    }
    await flush([{ key: markOf({ dataset, version }), value: Uint8Array.of(1) }])
  }

  /** One version after the other, until none waits. */
  async function noteAll(): Promise<void> {
    for (const [key, version] of waiting) {
      try {
        await note(version)
      } catch (thrown) {
        if (stopping.signal.aborted) return
        damaged.add(key)
        log(asFault(thrown, 'holdings.note', version.dataset))
      }
      waiting.delete(key)
    }
  }

  function begin(versions: readonly Version[]): Promise<void> {
    for (const one of versions) waiting.set(nameOf(one), one)
    noting ??= noteAll().finally(() => {
      noting = undefined
    })
    return noting
  }

  return {
    async find(cid, by) {
      const prefix = new Uint8Array(digestBytes)
      const codec = readCidText(cid, prefix)
      if (codec === undefined) return undefined
      if (codec === 'dag-cbor') return rootOf(cid as Root, by)
      const known = await noted(cid as FileCid, prefix, by)
      if (known !== undefined) return known
      const missing = await unnoted(by)
      if (missing.length === 0) return undefined
      const enough = new AbortController()
      const late = clock.sleep(patienceMs, { signal: enough.signal }).catch(() => {})
      await Promise.race([begin(missing), late])
      enough.abort()
      const found = await noted(cid as FileCid, prefix, by)
      if (found !== undefined) return found
      return (await unnoted(by)).length === 0 ? undefined : 'looking'
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await noting
    },
  }
}

/** A digest and a dataset. */
const noteKeyBytes = digestBytes + 8

type Place = { readonly version: number; readonly page: number; readonly entry: number }

function noteOf({ version, page, entry }: Place): Uint8Array {
  return new Uint8Array(Uint32Array.of(version, page, entry).buffer)
}

function placeIn(value: Uint8Array): Place {
  const [version = 0, page = 0, entry = 0] = new Uint32Array(value.slice(0, 12).buffer)
  return { version, page, entry }
}

const datasetIn = (key: Uint8Array) =>
  Number(new DataView(key.buffer, key.byteOffset).getBigUint64(digestBytes)) as DatasetId

/** Shorter than a digest, so no file's note begins with it. */
function markOf({ dataset, version }: Version): Uint8Array {
  const key = new Uint8Array(12)
  const view = new DataView(key.buffer)
  view.setBigUint64(0, BigInt(dataset))
  view.setUint32(8, version.version)
  return key
}

const nameOf = (version: Version) => Buffer.from(markOf(version)).toString('hex')
