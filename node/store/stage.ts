/**
 * Puts that count together. Everything lies in a folder of its own under `tmp`, small things in packs
 * of the stage's own, and moves to its place when all of it is there and flushed; a stage that is given
 * up is one folder to remove.
 */
import { mkdir, opendir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { blockBytes, digestBytes, fileCid } from '../../protocol/unixfs.ts'
import { createPool } from '../base/work.ts'
import { type Aside, createIntake, type Intake } from './intake.ts'
import type { Packs } from './packs/packs.ts'
import { createStagedPacks } from './packs/staged.ts'
import { createPlaceList, type PlaceList } from './places.ts'
import { createPuts } from './puts.ts'
import { sha256 } from './sha256.ts'
import { type Content, type FileWriter, type Stage, writesMax } from './store.ts'

export type StageHome = {
  /** The stage's own folder. */
  folder: string
  /** The store's lists of places. */
  places: string
  /** Puts one of these lists into the index. */
  index(list: string): Promise<void>
  intake: Intake
  packs: Packs
  hasMany(cids: readonly (FileCid | Root)[]): Promise<boolean[]>
  pathOf(cid: FileCid | Root): string
  /** Of an object that is held; undefined when it is not. */
  sizeOf(cid: FileCid | Root): Promise<number | undefined>
  onClose(): void
}

const nothing = new Uint8Array(0)

export async function openStage(home: StageHome): Promise<Stage> {
  const kept = join(home.folder, 'kept')
  await mkdir(kept, { recursive: true, mode: 0o700 }).catch((thrown) => {
    throw asFault(thrown, 'store.stage', 'the store')
  })
  const intake = createIntake(home.folder)
  let list: Promise<PlaceList> | undefined

  const smalls = createStagedPacks({
    folder: home.folder,
    packs: home.packs,
    isHeld: home.hasMany,
  })
  const puts = createPuts(smalls.put)

  async function keepPlaces(name: Root): Promise<void> {
    if (list === undefined) return
    const { path, end } = await list
    list = undefined
    const { file, sum } = await end()
    const to = `${name}.${sum.slice(0, 16)}.jsonl`
    await home.intake.settle(file, path, join(home.places, to))
    await home.intake.flush()
    await home.index(to)
  }

  return {
    ...puts,

    async writer() {
      // The first block waits: only the second, or the end, tells where the file goes.
      let first: Uint8Array | undefined
      let aside: Aside | undefined
      return createWriter({
        async write(bytes, at) {
          if (at === 0) {
            first = bytes.slice()
            return
          }
          if (aside === undefined) {
            aside = await intake.create()
            await aside.write(first!, 0)
            first = undefined
          }
          await aside.write(bytes, at)
        },
        async end({ cid, size, digests }) {
          if (aside === undefined)
            await puts.putSmall(first === undefined ? sha256(nothing) : digests, first ?? nothing)
          else if ((await home.sizeOf(cid)) === size) await aside.discard()
          else await aside.settle(join(kept, cid))
        },
        async discard() {
          first = undefined
          await aside?.discard()
        },
      })
    },

    async refer(cid, place) {
      list ??= createPlaceList(join(home.folder, 'places'))
      await (await list).add(cid, place)
    },

    async keep(name) {
      const pool = createPool({ limit: writesMax })
      const moves: Promise<void>[] = []
      for await (const { name: cid } of await opendir(kept)) {
        if (moves.length >= writesMax) await Promise.all(moves.splice(0))
        moves.push(
          pool.run(() => home.intake.move(join(kept, cid), home.pathOf(cid as FileCid | Root))),
        )
      }
      await Promise.all(moves)
      await home.intake.flush()
      await smalls.keep()
      await keepPlaces(name)
      await rm(home.folder, { recursive: true, force: true })
    },

    async [Symbol.asyncDispose]() {
      await (await list?.catch(() => undefined))?.close()
      list = undefined
      await intake.abandon()
      await smalls.close()
      await rm(home.folder, { recursive: true, force: true })
      home.onClose()
    },
  }
}

/** What becomes of the blocks of a file whose name is not known before its end. */
export type WriterHome = {
  write(bytes: Uint8Array, at: number): Promise<void>
  end(content: Content): Promise<void>
  discard(): Promise<void>
}

/** Names what is written: one digest a block, the CID at the end. */
export function createWriter(home: WriterHome): FileWriter {
  let digests = new Uint8Array(digestBytes * 16)
  let blocks = 0
  let size = 0
  return {
    async append(block) {
      if (size !== blocks * blockBytes || block.byteLength === 0 || block.byteLength > blockBytes) {
        throw new Fault('internal', 'store.append', {
          text: 'Only the last block of a file is short.',
        })
      }
      if (digests.byteLength === blocks * digestBytes) {
        const grown = new Uint8Array(digests.byteLength * 2)
        grown.set(digests)
        digests = grown
      }
      digests.set(sha256(block), blocks * digestBytes)
      const at = size
      blocks++
      size += block.byteLength
      await home.write(block, at)
    },
    async end() {
      const all = digests.slice(0, blocks * digestBytes)
      const content = { cid: fileCid(sha256, size, all), size, digests: all }
      await home.end(content)
      return content
    },
    discard: () => home.discard(),
  }
}
