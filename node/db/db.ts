/**
 * The index: what the site knows, found by key. It holds nothing that journal and store do not, so a
 * damaged one is thrown away and rebuilt; what it must never do is answer wrongly, which LevelDB
 * alone cannot promise (see `seal.ts`).
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { decode } from '@ipld/dag-cbor'
import { asFault, Fault } from '../../protocol/fault.ts'
import { encode } from '../../protocol/wire.ts'
import { flushFolder, hasRoom, makeFolder, writeDurably } from '../base/files.ts'
import { createGroup, createSerial } from '../base/work.ts'
import { type Key, type KeyPrefix, sumKey } from './keys.ts'
import { levelFault, openLevel } from './level.ts'
import { lookFirst } from './look.ts'
import { createLoose, type Loose, type LooseName } from './loose.ts'
import {
  addUp,
  closedName,
  closedText,
  type RawDb,
  readSum,
  type Sealed,
  seal,
  sealSum,
  shareOf,
  unseal,
} from './seal.ts'

/** One record put or taken away. A value is what DAG-CBOR holds: plain data, bytes, no `undefined`. */
export type Change = { readonly put: Key; readonly value: unknown } | { readonly del: Key }

export type ListOptions = {
  /** Begin behind this key, in the direction of the list. */
  readonly after?: Key | undefined
  readonly limit?: number | undefined
  readonly reverse?: boolean | undefined
}

/** Every call faults `corrupt` on a damaged record and `gone` once the index is closed. */
export interface Db extends AsyncDisposable {
  get<T>(key: Key): Promise<T | undefined>
  /** In key order, as it all was when the first record was asked for. */
  list<T>(prefix: KeyPrefix, options?: ListOptions): AsyncGenerator<{ key: Key; value: T }>
  /**
   * All changes or none, on the disk when it resolves; of two changes to one key the last counts.
   * Values are taken as they are at the call. Faults `full`, and does nothing, while the disk has
   * less than `indexRoomBytes` free, because LevelDB does not survive a disk without any; `always`
   * does without this question. After any other failure every further write is `gone`: what the disk
   * holds is known only when the index is opened again.
   */
  write(changes: readonly Change[], options?: { readonly always?: boolean }): Promise<void>
  /**
   * Reads every record there is at the call; `corrupt` when one is damaged, lost or out of date. Loose
   * records are none of them.
   */
  verify(): Promise<{ records: number }>
  /** The loose records under this name: see `loose.ts` for what they do not promise. */
  loose(name: LooseName): Loose
}

/** Bytes that must be free for a write: LevelDB may just then rewrite some of its tables. */
export const indexRoomBytes = 8 * 1024 * 1024

/**
 * Opens the index. With `create` it must be new (`exists`). Without: `missing` when there is none,
 * `corrupt` when a child process that opened it first found it damaged or did not live to tell,
 * `busy` when another process holds it.
 */
export async function openDb(o: {
  folder: string
  create: boolean
  /** For tests: another program to look first, and another disk. */
  probe?: string | undefined
  hasRoom?: typeof hasRoom | undefined
}): Promise<Db> {
  if (o.create) await makeFolder(o.folder)
  else await lookFirst(o.folder, o.probe)
  const level = await openLevel(o.folder, o.create)
  try {
    const total = o.create ? 0n : await readSum(level)
    if (total === undefined) {
      throw new Fault('corrupt', 'db.open', {
        text: 'The index is damaged. The sum of its records is lost.',
      })
    }
    if (o.create) await level.put(sumKey, sealSum(total), { sync: true })
    await rm(join(o.folder, closedName), { force: true })
    await flushFolder(o.folder)
    return createDb(level, total, o)
  } catch (thrown) {
    await level.close()
    throw levelFault(thrown, 'db.open')
  }
}

/** Throws the index away. Only for one that is not open. */
export async function removeDb(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true })
    await flushFolder(dirname(folder))
  } catch (thrown) {
    throw asFault(thrown, 'db.remove', folder)
  }
}

type Waiting = {
  readonly changes: ReadonlyMap<string, Sealed | undefined>
  readonly always: boolean
  refused?: Fault
}

function createDb(
  level: RawDb,
  totalAtOpen: bigint,
  o: { folder: string; hasRoom?: typeof hasRoom | undefined },
): Db {
  let total = totalAtOpen
  let failed = false
  let closing = false
  /** A damaged record was met, so the next start has to look at all of them. */
  let suspect = false

  /** Later changes of a round replace earlier ones, so the sum is moved once for each key. */
  async function writeAll(waiting: readonly Waiting[]): Promise<void> {
    const last = new Map<string, Sealed | undefined>()
    for (const { changes } of waiting) for (const [key, sealed] of changes) last.set(key, sealed)
    if (last.size === 0) return
    const old = await level.getMany([...last.keys()])
    let next = total
    const batch = [...last].map(([key, value], i) => {
      next ^= shareOf(old[i]) ^ shareOf(value)
      return value === undefined
        ? ({ type: 'del', key } as const)
        : ({ type: 'put', key, value } as const)
    })
    const sum = {
      type: 'put',
      key: sumKey,
      value: sealSum(next),
    } as const
    await level.batch([...batch, sum], { sync: true })
    total = next
  }

  // Held while the sum and what it sums up are not in step.
  const turn = createSerial()
  const group = createGroup({
    async round(waiting: readonly Waiting[]) {
      const room = await (o.hasRoom ?? hasRoom)(o.folder, indexRoomBytes)
      for (const one of waiting) if (!room && !one.always) one.refused = noRoom()
      await turn(() => writeAll(waiting.filter((one) => one.refused === undefined)))
    },
    failed: () => {
      failed = true
    },
  })

  function open<T>(key: string, sealed: Sealed, op: string): T {
    const payload = unseal(key, sealed)
    if (payload !== undefined) return decode<T>(payload)
    throw damaged(op, key)
  }

  function damaged(op: string, key?: string): Fault {
    suspect = true
    const text = 'The index is damaged. Start the site again; it is then rebuilt.'
    return new Fault('corrupt', op, { about: key, text })
  }

  function checkOpen(): void {
    if (!failed && !closing) return
    throw new Fault('gone', 'db.write', {
      text: 'The index is closed to writing. Start the site again.',
    })
  }

  function faultOf(thrown: unknown, op: string, key?: string): Fault {
    const fault = levelFault(thrown, op, key)
    if (fault.kind === 'corrupt') suspect = true
    return fault
  }

  return {
    async get<T>(key: Key) {
      const sealed = await level.get(key).catch((thrown) => {
        throw faultOf(thrown, 'db.get', key)
      })
      return sealed === undefined ? undefined : open<T>(key, sealed, 'db.get')
    },

    async *list<T>(prefix: KeyPrefix, options?: ListOptions) {
      const range = { ...rangeOf(prefix, options), limit: options?.limit ?? -1 }
      const begin = () => level.iterator(range)
      let iterator: ReturnType<typeof begin> | undefined
      try {
        iterator = begin()
        for (;;) {
          const step = await iterator.nextv(stepRecords)
          if (step.length === 0) return
          for (const [key, sealed] of step)
            yield { key: key as Key, value: open<T>(key, sealed, 'db.list') }
        }
      } catch (thrown) {
        throw faultOf(thrown, 'db.list', prefix)
      } finally {
        await iterator?.close()
      }
    },

    async write(changes, options) {
      checkOpen()
      const sealed = new Map<string, Sealed | undefined>()
      for (const change of changes) {
        const key = 'put' in change ? change.put : change.del
        assert(key !== sumKey, 'the sum is not a record of any room')
        sealed.set(key, 'put' in change ? seal(key, encode(change.value)) : undefined)
      }
      const waiting: Waiting = { changes: sealed, always: options?.always ?? false }
      await group.add(waiting).catch((thrown) => {
        throw faultOf(thrown, 'db.write')
      })
      if (waiting.refused !== undefined) throw waiting.refused
    },

    async verify() {
      const { snapshot, expected } = await turn(async () => ({
        snapshot: level.snapshot(),
        expected: total,
      }))
      try {
        const found = await addUp(level, { snapshot })
        if (found.at === 'whole' && found.total === expected) return { records: found.records }
        throw damaged('db.verify', found.at === 'damaged' ? found.key : undefined)
      } catch (thrown) {
        throw faultOf(thrown, 'db.verify')
      } finally {
        await snapshot.close()
      }
    },

    loose: (name) =>
      createLoose(level, name, {
        faultOf,
        checkOpen,
        hasRoom: () => (o.hasRoom ?? hasRoom)(o.folder, indexRoomBytes),
        noRoom,
        failed: () => {
          failed = true
        },
      }),

    async [Symbol.asyncDispose]() {
      if (closing) return
      closing = true
      await group.drain()
      await level.close()
      if (failed || suspect) return
      // Without this mark the next start reads more. That is right after damage, and no harm when the
      // disk refuses it.
      await writeDurably(join(o.folder, closedName), closedText(total)).catch(() => {})
    },
  }
}

function noRoom(): Fault {
  const text = 'The disk of the home is full. Free some space; the work then goes on.'
  return new Fault('full', 'db.write', { text })
}

/** Records read at a time while listing. */
const stepRecords = 100

function rangeOf(prefix: KeyPrefix, options: ListOptions | undefined) {
  const after = options?.after
  assert(after === undefined || after.startsWith(prefix), 'a list goes on behind a key of its own')
  // A prefix ends in a slash, so the first key behind it is the one with the next character.
  const end = `${prefix.slice(0, -1)}0`
  if (options?.reverse) return { gte: prefix, lt: after ?? end, reverse: true }
  return after === undefined ? { gte: prefix, lt: end } : { gt: after, lt: end }
}
