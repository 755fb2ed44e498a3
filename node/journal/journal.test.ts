import { createHash } from 'node:crypto'
import {
  appendFile,
  cp,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { faultOf, openFolder } from '../../test/folder.ts'
import { createManualClock } from '../base/clock.ts'
import { indexRoomBytes } from '../db/db.ts'
import {
  type Journal,
  type JournalOptions,
  type JournalRecord,
  journalRoomBytes,
  openJournal,
  verifyJournal,
} from './journal.ts'
import { type LogFile, openLogFile } from './log-file.ts'
import { genesis, segmentName } from './segment.ts'

const clock = createManualClock(1_700_000_000_000)

const create = (folder: string, more: Partial<JournalOptions> = {}) =>
  openJournal({ folder, clock, create: true, ...more })
const reopen = (folder: string, more: Partial<JournalOptions> = {}) =>
  openJournal({ folder, clock, ...more })

async function recordsOf(journal: Journal, after?: number): Promise<JournalRecord[]> {
  return Array.fromAsync(journal.read({ after }))
}

/** A closed journal with a few records. */
async function writeSome(
  folder: string,
  count: number,
  more: Partial<JournalOptions> = {},
): Promise<JournalRecord[]> {
  await using journal = await create(folder, more)
  const records: JournalRecord[] = []
  for (let i = 1; i <= count; i++)
    records.push(await journal.append('note.put', 'system', { i, text: 'å' }))
  return records
}

const firstFile = (folder: string) => join(folder, segmentName(1))

describe('a journal', () => {
  test('gives back what was appended, in order, with numbers from 1', async () => {
    await using folder = await openFolder()
    await using journal = await create(folder.path)
    expect(journal.head).toEqual(genesis)
    const first = await journal.append('note.put', { user: 7 as never }, { at: 'oslo' })
    expect(first).toEqual({
      seq: 1,
      at: clock.now(),
      kind: 'note.put',
      by: { user: 7 },
      data: { at: 'oslo' },
    })
    const second = await journal.append('note.remove', 'system', null)
    expect(journal.head.seq).toBe(2)
    expect(await recordsOf(journal)).toEqual([first, second])
    expect(await recordsOf(journal, 1)).toEqual([second])
    expect(await recordsOf(journal, 2)).toEqual([])
  })

  test('resolves with the data as it will be read again', async () => {
    await using folder = await openFolder()
    await using journal = await create(folder.path)
    const data = { gone: undefined, list: [1, undefined] }
    const { data: kept } = await journal.append('note.put', 'system', data)
    data.list.push(2)
    expect(kept).toStrictEqual({ list: [1, null] })
    expect((await recordsOf(journal))[0]!.data).toStrictEqual(kept)
  })

  test('holds any plain data, before and after it is opened again', async () => {
    await using folder = await openFolder()
    const written: unknown[] = []
    const text = fc.string({ unit: 'binary' })
    await (await create(folder.path))[Symbol.asyncDispose]()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue({ stringUnit: 'binary' })),
        text,
        async (values, note) => {
          await using journal = await reopen(folder.path)
          const appended = await Promise.all(
            [...values, note].map((value) => journal.append('note.put', 'system', value)),
          )
          written.push(...appended.map((record) => record.data))
          expect((await recordsOf(journal)).map((record) => record.data)).toEqual(written)
          expect((await verifyJournal(folder.path)).head).toEqual(journal.head)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('can be checked by anybody with a SHA-256', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 5)
    let hash = '0'.repeat(64)
    const lines = (await readFile(firstFile(folder.path), 'utf8')).split('\n')
    expect(lines.pop()).toBe('')
    for (const [i, line] of lines.entries()) {
      const [, found, json] = /^([0-9a-f]{64}) (.*)$/.exec(line)!
      hash = createHash('sha256').update(`${hash}${json}`).digest('hex')
      expect(found).toBe(hash)
      expect(JSON.parse(json!)).toMatchObject({ seq: i + 1, kind: 'note.put' })
    }
  })

  test('must be there, unless it is created, and then must not', async () => {
    await using folder = await openFolder()
    const path = join(folder.path, 'journal')
    expect(await faultOf(reopen(path))).toMatchObject({ kind: 'missing' })
    expect(await readdir(folder.path)).toEqual([])
    await (await create(path))[Symbol.asyncDispose]()
    expect(await faultOf(create(path))).toMatchObject({ kind: 'exists' })
    await using journal = await reopen(path)
    expect(journal.head).toEqual(genesis)
  })

  test('refuses a record over the cap, and what its check throws at, without a trace', async () => {
    await using folder = await openFolder()
    await using journal = await create(folder.path)
    const huge = journal.append('note.put', 'system', 'x'.repeat(4 * 1024 * 1024))
    expect(await faultOf(huge)).toMatchObject({ kind: 'invalid' })
    const check = (record: JournalRecord) => {
      throw new Error(`not ${record.seq}`)
    }
    await expect(journal.append('note.put', 'system', 1, { check })).rejects.toThrow('not 1')
    expect((await journal.append('note.put', 'system', 2)).seq).toBe(1)
    await journal.append('note.put', 'system', 'x'.repeat(4 * 1024 * 1024 - 1000))
    expect(await verifyJournal(folder.path)).toMatchObject({ records: 2, torn: 0 })
  })

  test('takes nothing more once it is closed, and finishes what it took', async () => {
    await using folder = await openFolder()
    const journal = await create(folder.path)
    const last = journal.append('note.put', 'system', 1)
    await journal[Symbol.asyncDispose]()
    expect((await last).seq).toBe(1)
    expect(await faultOf(journal.append('note.put', 'system', 2))).toMatchObject({ kind: 'gone' })
    expect(journal.stopped.aborted).toBe(false)
    await journal[Symbol.asyncDispose]()
  })
})

/** A disk that counts, and fails when it is told to. Without real flushes it is quicker. */
function createDisk(o = { flush: true }) {
  const disk = { writes: 0, flushes: 0, failWrite: '', failFlush: '', failCut: '' }
  const fail = (code: string) => {
    if (code !== '') throw Object.assign(new Error(code), { code })
  }
  const openFile = async (path: string): Promise<LogFile> => {
    const file = await openLogFile(path)
    return {
      async write(bytes, at) {
        disk.writes++
        // As a full disk does: some of it is written.
        await file.write(disk.failWrite === '' ? bytes : bytes.subarray(0, bytes.length / 2), at)
        fail(disk.failWrite)
      },
      async flush() {
        disk.flushes++
        fail(disk.failFlush)
        if (o.flush) await file.flush()
      },
      async cut(size) {
        fail(disk.failCut)
        await file.cut(size)
      },
      close: file.close,
    }
  }
  return { disk, openFile }
}

describe('group commit', () => {
  test('many appends at once share one write and one flush', async () => {
    await using folder = await openFolder()
    const { disk, openFile } = createDisk()
    await using journal = await create(folder.path, { openFile })
    Object.assign(disk, { writes: 0, flushes: 0 })
    const first = Array.from({ length: 500 }, (_, i) => journal.append('note.put', 'system', i))
    // While that flush runs, others gather for the next.
    while (disk.flushes === 0) await new Promise((resolve) => setImmediate(resolve))
    const second = Array.from({ length: 500 }, (_, i) =>
      journal.append('note.put', 'system', 500 + i),
    )
    const records = await Promise.all([...first, ...second])
    expect(disk).toMatchObject({ writes: 2, flushes: 2 })
    expect(records.map((record) => record.seq)).toEqual(records.map((_, i) => i + 1))
    expect((await recordsOf(journal)).map((record) => record.data)).toEqual(
      records.map((_, i) => i),
    )
  })

  test('says busy when too much waits, and goes on afterwards', async () => {
    await using folder = await openFolder()
    await using journal = await create(folder.path)
    const big = 'x'.repeat(4 * 1024 * 1024 - 1000)
    const appends = Array.from({ length: 20 }, () => journal.append('note.put', 'system', big))
    const outcomes = await Promise.allSettled(appends)
    const refused = outcomes
      .filter((one) => one.status === 'rejected')
      .map((one) => one.reason.kind)
    expect(new Set(refused)).toEqual(new Set(['busy']))
    expect(refused.length).toBeGreaterThan(0)
    expect((await journal.append('note.put', 'system', 1)).seq).toBe(20 - refused.length + 1)
  })
})

describe('a disk that fails', () => {
  test('a full one refuses those in the write and those behind them; later appends go on', async () => {
    await using folder = await openFolder()
    const { disk, openFile } = createDisk()
    await using journal = await create(folder.path, { openFile })
    const first = await journal.append('note.put', 'system', 'first')
    disk.failWrite = 'ENOSPC'
    const lost = [1, 2, 3].map((i) => faultOf(journal.append('note.put', 'system', i)))
    while (disk.writes < 2) await new Promise((resolve) => setImmediate(resolve))
    lost.push(faultOf(journal.append('note.put', 'system', 'behind')))
    for (const fault of await Promise.all(lost)) expect(fault).toMatchObject({ kind: 'full' })
    disk.failWrite = ''
    const next = await journal.append('note.put', 'system', 'next')
    expect(next.seq).toBe(2)
    expect(journal.stopped.aborted).toBe(false)
    expect(await recordsOf(journal)).toEqual([first, next])
    expect(await verifyJournal(folder.path)).toMatchObject({ records: 2, torn: 0 })
  })

  test('it is full before its disk is, with room left for the index, and goes on when there is more', async () => {
    await using folder = await openFolder()
    let free = journalRoomBytes - 1
    const hasRoom = async (_: string, bytes: number) => free >= bytes
    await using journal = await create(folder.path, { hasRoom })
    expect(await faultOf(journal.append('note.put', 'system', 1))).toMatchObject({ kind: 'full' })
    expect(free).toBeGreaterThan(indexRoomBytes)
    free++
    expect((await journal.append('note.put', 'system', 2)).seq).toBe(1)
    expect(journal.stopped.aborted).toBe(false)
  })

  test('a failed flush ends all appending; the next opening finds what is really there', async () => {
    await using folder = await openFolder()
    const { disk, openFile } = createDisk()
    {
      await using journal = await create(folder.path, { openFile })
      await journal.append('note.put', 'system', 1)
      disk.failFlush = 'EIO'
      const unknown = faultOf(journal.append('note.put', 'system', 2))
      expect(await unknown).toMatchObject({ kind: 'corrupt', op: 'journal.append' })
      disk.failFlush = ''
      // Not tried again: a later flush that succeeds proves nothing.
      const { flushes } = disk
      expect(await faultOf(journal.append('note.put', 'system', 3))).toMatchObject({ kind: 'gone' })
      expect(disk.flushes).toBe(flushes)
      expect(journal.stopped.reason).toMatchObject({ kind: 'corrupt' })
      expect(journal.head.seq).toBe(1)
      expect(await recordsOf(journal)).toHaveLength(1)
    }
    await using journal = await reopen(folder.path)
    expect((await recordsOf(journal)).map((record) => record.data)).toEqual([1, 2])
  })

  test('a write that cannot be taken back ends all appending', async () => {
    await using folder = await openFolder()
    const { disk, openFile } = createDisk()
    {
      await using journal = await create(folder.path, { openFile })
      await journal.append('note.put', 'system', 1)
      Object.assign(disk, { failWrite: 'ENOSPC', failCut: 'EIO' })
      expect(await faultOf(journal.append('note.put', 'system', 2))).toMatchObject({ kind: 'full' })
      Object.assign(disk, { failWrite: '', failCut: '' })
      expect(await faultOf(journal.append('note.put', 'system', 3))).toMatchObject({ kind: 'gone' })
      expect(journal.stopped.aborted).toBe(true)
    }
    expect(await verifyJournal(folder.path)).toMatchObject({ records: 1, torn: expect.any(Number) })
    await using journal = await reopen(folder.path)
    expect((await journal.append('note.put', 'system', 4)).seq).toBe(2)
  })
})

describe('damage', () => {
  /** The number of the record that each byte belongs to, its newline included. */
  function ownersOf(bytes: Buffer): number[] {
    let seq = 1
    return [...bytes].map((byte) => (byte === 0x0a ? seq++ : seq))
  }

  test('any byte changed to any of its neighbours, anywhere, is corrupt with the number of its record', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 3)
    const path = firstFile(folder.path)
    const whole = await readFile(path)
    const owners = ownersOf(whole)
    expect(owners.at(-1)).toBe(3)
    for (const [i, byte] of whole.entries()) {
      // One bit, all bits, what makes it a newline, and what makes the newline nothing.
      for (const other of new Set([byte ^ 1, byte ^ 0x20, byte ^ 0xff, 0x0a, 0x00, 0x20])) {
        if (other === byte) continue
        const changed = Buffer.from(whole)
        changed[i] = other
        await writeFile(path, changed)
        expect(await faultOf(verifyJournal(folder.path)), `byte ${i} to ${other}`).toMatchObject({
          kind: 'corrupt',
          about: owners[i],
        })
      }
      expect(await faultOf(reopen(folder.path))).toMatchObject({
        kind: 'corrupt',
        about: owners[i],
      })
    }
    expect(await readdir(folder.path)).toEqual([segmentName(1)])
  }, 120_000)

  test('a byte taken out or put in is corrupt too', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 2)
    const path = firstFile(folder.path)
    const whole = await readFile(path)
    for (let i = 0; i < whole.length - 1; i++) {
      await writeFile(path, Buffer.concat([whole.subarray(0, i), whole.subarray(i + 1)]))
      expect(await faultOf(reopen(folder.path)), `without ${i}`).toMatchObject({ kind: 'corrupt' })
      await writeFile(
        path,
        Buffer.concat([whole.subarray(0, i), Buffer.from('0'), whole.subarray(i)]),
      )
      expect(await faultOf(reopen(folder.path)), `with ${i}`).toMatchObject({ kind: 'corrupt' })
    }
  })

  test('a record taken out, moved or doubled is corrupt, whole as it is', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 4)
    const path = firstFile(folder.path)
    const lines = (await readFile(path, 'utf8')).split(/(?<=\n)/)
    const [a, b, c, d] = lines as [string, string, string, string]
    for (const [text, about] of [
      [b + c + d, 1],
      [a + c + d, 2],
      [a + c + b + d, 2],
      [a + a + b + c + d, 2],
      [a + b + c + c + d, 4],
    ] as const) {
      await writeFile(path, text)
      expect(await faultOf(reopen(folder.path))).toMatchObject({ kind: 'corrupt', about })
    }
  })

  test('a chain of somebody’s own, with other numbers, is corrupt', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 0)
    const json = '{"seq":2,"at":0,"kind":"note.put","by":"system","data":null}'
    const hash = createHash('sha256').update(genesis.hash).update(json).digest('hex')
    await writeFile(firstFile(folder.path), `${hash} ${json}\n`)
    expect(await faultOf(reopen(folder.path))).toMatchObject({ kind: 'corrupt', about: 1 })
  })
})

describe('a torn line', () => {
  /** Every way in which `whole` can be cut, and which records and which torn bytes are then there. */
  function* cutsOf(whole: Buffer) {
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([i]) => i)
    for (let size = 0; size < whole.length; size++) {
      // A record is whole without its newline, which is then put back.
      const kept = ends.filter((end) => end <= size).length
      const tornFrom = kept === 0 ? 0 : Math.min(ends[kept - 1]! + 1, size)
      yield { size, kept, torn: whole.subarray(tornFrom, size) }
    }
  }

  test('cut at any byte: what was whole before it is kept', async () => {
    await using folder = await openFolder()
    const { openFile } = createDisk({ flush: false })
    const records = await writeSome(folder.path, 3)
    const path = firstFile(folder.path)
    const whole = await readFile(path)
    for (const { size, kept, torn } of cutsOf(whole)) {
      await writeFile(path, whole.subarray(0, size))
      expect(await verifyJournal(folder.path)).toMatchObject({ records: kept, torn: torn.length })
      await using journal = await reopen(folder.path, { openFile })
      expect(journal.head.seq).toBe(kept)
      expect(await recordsOf(journal)).toEqual(records.slice(0, kept))
    }
  }, 120_000)

  test('cut anywhere: the rest is moved aside, never deleted, and it goes on', async () => {
    await using folder = await openFolder()
    const source = join(folder.path, 'source')
    const records = await writeSome(source, 2)
    const whole = await readFile(firstFile(source))
    for (const { size, kept, torn } of cutsOf(whole)) {
      const nearAnEnd = whole.subarray(Math.max(0, size - 2), size + 2).includes(0x0a)
      if (!nearAnEnd && size % 13 !== 0) continue
      const path = join(folder.path, `cut-${size}`)
      await cp(source, path, { recursive: true })
      await truncate(firstFile(path), size)
      await using journal = await reopen(path)
      const next = await journal.append('note.put', 'system', 'next')
      expect(next.seq).toBe(kept + 1)
      expect(await recordsOf(journal)).toEqual([...records.slice(0, kept), next])
      expect(await verifyJournal(path)).toMatchObject({ records: kept + 1, torn: 0 })

      const aside = (await readdir(path)).filter((name) => name.endsWith('.torn'))
      expect(aside).toHaveLength(torn.length === 0 ? 0 : 1)
      for (const name of aside) {
        expect(name).toMatch(`${segmentName(1)}.${kept + 1}.`)
        expect(await readFile(join(path, name))).toEqual(torn)
      }
    }
  }, 120_000)

  test('nothing is touched until something is appended', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 2)
    await appendFile(firstFile(folder.path), 'begin')
    const before = await readFile(firstFile(folder.path))
    await (await reopen(folder.path))[Symbol.asyncDispose]()
    expect(await readFile(firstFile(folder.path))).toEqual(before)
    expect(await readdir(folder.path)).toEqual([segmentName(1)])
  })

  test('one that an index knows to be acknowledged is corrupt', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 2)
    const { length } = await readFile(firstFile(folder.path))
    await truncate(firstFile(folder.path), length - 5)
    expect(await faultOf(reopen(folder.path, { appliedSeq: 2 }))).toMatchObject({
      kind: 'corrupt',
      about: 2,
    })
    await using journal = await reopen(folder.path, { appliedSeq: 1 })
    expect(journal.head.seq).toBe(1)
  })

  test('zeros that a file system left behind the last record are torn, not a record', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 2)
    await appendFile(firstFile(folder.path), new Uint8Array(5000))
    await using journal = await reopen(folder.path)
    expect((await journal.append('note.put', 'system', 3)).seq).toBe(3)
    expect(await verifyJournal(folder.path)).toMatchObject({ records: 3, torn: 0 })
  })

  test('more of them than a record can be is corrupt', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 2)
    await appendFile(firstFile(folder.path), new Uint8Array(6 * 1024 * 1024))
    expect(await faultOf(reopen(folder.path))).toMatchObject({ kind: 'corrupt', about: 3 })
  })

  test('torn again and again, all of them are kept', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 1)
    for (const bytes of ['one', 'two', 'two', 'three']) {
      await appendFile(firstFile(folder.path), bytes)
      // As if the machine stopped between putting it aside and cutting it off.
      const { disk, openFile } = createDisk()
      {
        await using journal = await reopen(folder.path, { openFile })
        disk.failCut = 'EIO'
        expect(await faultOf(journal.append('note.put', 'system', 0))).toMatchObject({
          kind: 'corrupt',
        })
      }
      await using journal = await reopen(folder.path)
      await journal.append('note.put', 'system', bytes)
    }
    const aside = (await readdir(folder.path)).filter((name) => name.endsWith('.torn'))
    expect(aside).toHaveLength(4)
    expect(await verifyJournal(folder.path)).toMatchObject({ records: 5, torn: 0 })
  })
})

describe('segments', () => {
  const small = { segmentBytesMax: 500 }

  test('a long journal has many, and reads from anywhere as one', async () => {
    await using folder = await openFolder()
    const records = await writeSome(folder.path, 20, small)
    expect((await readdir(folder.path)).length).toBeGreaterThan(3)
    await using journal = await reopen(folder.path, small)
    for (let after = 0; after <= 20; after++)
      expect(await recordsOf(journal, after)).toEqual(records.slice(after))
    await journal.append('note.put', 'system', 21)
    expect(await recordsOf(journal, 19)).toHaveLength(2)
    expect((await verifyJournal(folder.path)).head).toEqual(journal.head)
  })

  test('reading goes on while others append, and ends where the head was', async () => {
    await using folder = await openFolder()
    await using journal = await create(folder.path, small)
    for (let i = 0; i < 10; i++) await journal.append('note.put', 'system', i)
    let seen = 0
    for await (const { data } of journal.read()) {
      expect(data).toBe(seen++)
      await journal.append('note.put', 'system', 'more')
    }
    expect(seen).toBe(10)
    expect(await recordsOf(journal)).toHaveLength(20)
  })

  test('one that is gone, emptied, cut or out of place is corrupt with the number of its first lost record', async () => {
    await using folder = await openFolder()
    const source = join(folder.path, 'source')
    await writeSome(source, 20, small)
    const names = (await readdir(source)).sort()
    const counts = await Promise.all(
      names.map(
        async (name) => (await readFile(join(source, name), 'utf8')).split('\n').length - 1,
      ),
    )
    const countBefore = (index: number) =>
      counts.slice(0, index).reduce((sum, count) => sum + count, 0)
    const [first, second, third] = names.map((name) => (folder: string) => join(folder, name))
    const damages: [number, (path: string) => Promise<void>][] = [
      [1, (path) => rm(first!(path))],
      [countBefore(1) + 1, (path) => rm(second!(path))],
      [countBefore(1) + 1, (path) => truncate(second!(path))],
      [
        countBefore(2),
        async (path) => truncate(second!(path), (await readFile(second!(path))).length - 1),
      ],
      [
        countBefore(2),
        async (path) => truncate(second!(path), (await readFile(second!(path))).length - 9),
      ],
      [
        countBefore(1) + 1,
        async (path) => {
          await rename(second!(path), join(path, 'x'))
          await rename(third!(path), second!(path))
          await rename(join(path, 'x'), third!(path))
        },
      ],
    ]
    for (const [i, [about, damage]] of damages.entries()) {
      const path = join(folder.path, `damage-${i}`)
      await cp(source, path, { recursive: true })
      await damage(path)
      expect(await faultOf(reopen(path, small)), `damage ${i}`).toMatchObject({
        kind: 'corrupt',
        about,
      })
    }
  })

  test('one that is cut is corrupt even when only an empty one follows', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 3)
    await truncate(firstFile(folder.path), (await readFile(firstFile(folder.path))).length - 5)
    await writeFile(join(folder.path, segmentName(2)), '')
    expect(await faultOf(reopen(folder.path))).toMatchObject({ kind: 'corrupt', about: 3 })
  })

  test('an empty last one, left by a crash, is where it goes on', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 3)
    await writeFile(join(folder.path, segmentName(2)), '')
    await using journal = await reopen(folder.path)
    await journal.append('note.put', 'system', 4)
    expect(await recordsOf(journal)).toHaveLength(4)
    expect((await readFile(join(folder.path, segmentName(2)))).length).toBeGreaterThan(0)
  })
})
