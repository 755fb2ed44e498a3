/**
 * A process that fills a store until it is killed: puts, flushes, stages, removals and compaction, all
 * at once. Started with a home's folder and a number; says after each flush what was put before it, and
 * before each removal what is about to go.
 */
import { join } from 'node:path'
import { openDb } from '../node/db/db.ts'
import { openStore } from '../node/store/objects.ts'
import { sha256 } from '../node/store/sha256.ts'
import type { Puts } from '../node/store/store.ts'
import { testFile, wholeOf } from './contracts/store.ts'

export type Told = { kept: number[] } | { going: number[] }

/** The file of each number, small enough that many come before the end. */
export const writtenFile = (seed: number) => testFile(1 + ((seed * 7919) % 40_000), seed)

async function write(folder: string, first: number, isNew: boolean): Promise<void> {
  const tell = (told: Told) => new Promise((resolve) => process.send!(told, resolve))
  const db = await openDb({ folder: join(folder, 'db'), create: isNew })
  const store = await openStore({
    folder: join(folder, 'store'),
    db,
    create: isNew,
    packBytesMax: 2_000_000,
  })
  let next = first
  const put = async (to: Puts) => {
    const seeds = Array.from({ length: 40 }, () => next++)
    const files = seeds.map((seed) => wholeOf(writtenFile(seed)))
    await to.putSmalls(files.map((bytes) => ({ digest: sha256(bytes), bytes })))
    return seeds
  }
  await tell({ kept: [] })
  for (;;) {
    const seeds = await put(store)
    await store.flush()
    await tell({ kept: seeds })
    await using stage = await store.stage()
    const staged = await put(stage)
    await stage.keep(await stage.putBlock(new Uint8Array([0xa0])))
    await tell({ kept: staged })
    const going = [...seeds.slice(0, 25), ...staged.slice(0, 25)]
    await tell({ going })
    await store.remove(going.map((seed) => writtenFile(seed).cid))
    await store.compact({})
  }
}

const [folder, first, isNew] = process.argv.slice(2)
if (folder !== undefined && first !== undefined) await write(folder, Number(first), isNew === 'new')
