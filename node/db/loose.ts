/**
 * Loose records: short binary keys and values in the same LevelDB as the index, many thousands in one
 * batch. They carry no checksum, are no part of the sum, and are on the disk only when it is asked
 * for; so they are for what proves itself when it is used (a location in a pack, which has the CID
 * before the bytes) and for what costs nothing but work when it is lost (`seen`).
 *
 *     ~<name>/<key bytes>  →  <value bytes>
 */
import assert from 'node:assert/strict'
import type { Fault } from '../../protocol/fault.ts'
import { looseStart } from './keys.ts'
import type { RawDb } from './seal.ts'

/** The tables there are. A name is never used for something else later: old records would still lie there. */
export type LooseName = 'packs' | 'seen' | 'digests' | 'holdings' | 'test'

/** The most a key and a value may have, in bytes. */
export const looseKeyBytesMax = 128
export const looseValueBytesMax = 128
/** Records of one call of `getMany` or `write`. */
export const looseBatchMax = 65_536
/** Records read at a time while listing. */
const stepRecords = 1000

export type LooseRecord = { readonly key: Uint8Array; readonly value: Uint8Array }

/** Faults as those of the index: `corrupt`, `gone`, and `full` before anything is written. */
export interface Loose {
  /** Values in the order of the keys, as of one moment. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  /**
   * The same for `count` keys of `bytes` each, which `write` puts into memory that all of them share:
   * a million keys need not be a million buffers first.
   */
  find(
    count: number,
    bytes: number,
    write: (index: number, into: Uint8Array, at: number) => void,
  ): Promise<(Uint8Array | undefined)[]>
  /**
   * All of it or, after a crash, none; of two changes to one key the last counts, and deletions come
   * last. Without `sync` the newest calls may be lost by a crash, also some that came before others
   * which were not lost. With `sync` this call is on the disk when it resolves. `always` as in the
   * index: for what makes room.
   */
  write(
    puts: readonly LooseRecord[],
    dels: readonly Uint8Array[],
    options?: { readonly sync?: boolean; readonly always?: boolean },
  ): Promise<void>
  /** In the order of keys, as it all was when the first record was asked for. */
  list(options?: {
    /** Only keys that begin with these bytes. */
    readonly prefix?: Uint8Array | undefined
    /** Begin behind this key. */
    readonly after?: Uint8Array | undefined
  }): AsyncGenerator<LooseRecord>
}

const binary = { keyEncoding: 'view', valueEncoding: 'view' } as const

export function createLoose(
  level: RawDb,
  name: LooseName,
  db: {
    faultOf(thrown: unknown, op: string): Fault
    /** Throws when the index takes no more writes. */
    checkOpen(): void
    hasRoom(): Promise<boolean>
    noRoom(): Fault
    failed(): void
  },
): Loose {
  const start = Buffer.from(`${looseStart}${name}/`)

  function checkKey(key: Uint8Array): void {
    assert(key.byteLength <= looseKeyBytesMax, `a loose key has at most ${looseKeyBytesMax} bytes`)
  }

  function within(key: Uint8Array): Uint8Array {
    checkKey(key)
    const all = Buffer.allocUnsafe(start.byteLength + key.byteLength)
    all.set(start)
    all.set(key, start.byteLength)
    return all
  }

  async function get(keys: Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    if (keys.length === 0) return []
    return level.getMany<Uint8Array, Uint8Array>(keys, binary).catch((thrown: unknown) => {
      throw db.faultOf(thrown, 'db.loose')
    })
  }

  const checkCount = (count: number) =>
    assert(count <= looseBatchMax, `at most ${looseBatchMax} loose records at a time`)

  return {
    async getMany(keys) {
      checkCount(keys.length)
      return get(keys.map(within))
    },

    async find(count, bytes, write) {
      checkCount(count)
      assert(bytes <= looseKeyBytesMax, `a loose key has at most ${looseKeyBytesMax} bytes`)
      const each = start.byteLength + bytes
      const all = Buffer.allocUnsafe(count * each)
      const keys: Uint8Array[] = []
      for (let i = 0, at = 0; i < count; i++, at += each) {
        all.set(start, at)
        write(i, all, at + start.byteLength)
        keys.push(all.subarray(at, at + each))
      }
      return get(keys)
    },

    async write(puts, dels, options) {
      const count = puts.length + dels.length
      checkCount(count)
      for (const { key, value } of puts) {
        checkKey(key)
        assert(value.byteLength <= looseValueBytesMax, 'a loose value is short')
      }
      dels.forEach(checkKey)
      db.checkOpen()
      if (count === 0) return
      if (options?.always !== true && !(await db.hasRoom())) throw db.noRoom()
      db.checkOpen()
      const batch = level.batch()
      try {
        for (const { key, value } of puts)
          batch.put<Uint8Array, Uint8Array>(within(key), value, binary)
        for (const key of dels) batch.del<Uint8Array>(within(key), { keyEncoding: 'view' })
        await batch.write({ sync: options?.sync ?? false })
      } catch (thrown) {
        // What the disk holds is known only when the index is opened again.
        db.failed()
        throw db.faultOf(thrown, 'db.loose')
      }
    },

    async *list(options) {
      const low = within(options?.prefix ?? new Uint8Array(0))
      // The first key that does not begin with these bytes: none of ours ends in 0xff at its start.
      const high = Buffer.from(low)
      let last = high.byteLength - 1
      while (high[last] === 0xff) last--
      high[last]!++
      const range = options?.after === undefined ? { gte: low } : { gt: within(options.after) }
      const begin = () =>
        level.iterator<Uint8Array, Uint8Array>({
          ...range,
          lt: high.subarray(0, last + 1),
          ...binary,
        })
      let iterator: ReturnType<typeof begin> | undefined
      try {
        iterator = begin()
        for (;;) {
          const step = await iterator.nextv(stepRecords)
          if (step.length === 0) return
          for (const [key, value] of step) yield { key: key.subarray(start.byteLength), value }
        }
      } catch (thrown) {
        throw db.faultOf(thrown, 'db.loose')
      } finally {
        await iterator?.close()
      }
    },
  }
}
