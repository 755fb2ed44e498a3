/**
 * What the destination holds while it pulls: which content counts as held, where arriving blocks go,
 * and the checkpoints that bound what a crash sends again. A checkpoint runs while more comes in; only
 * when too much has come that none covers yet does the line wait for it.
 */
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root, SiteId } from '../../protocol/ids.ts'
import { blockSize, rootOf } from '../../protocol/unixfs.ts'
import { createSerial } from '../base/work.ts'
import type { Change, Db } from '../db/db.ts'
import { sha256 } from '../store/sha256.ts'
import type { Incoming, Small, Store } from '../store/store.ts'
import type { Seen, Whole } from './seen.ts'

/** Bytes after which a checkpoint begins. */
export const checkpointBytes = 8 * 1024 * 1024
/** Bytes that no finished checkpoint covers: with what is wanted, the most that a crash sends again. */
export const uncoveredBytesMax = 16 * 1024 * 1024
/** What a file counts for beside its bytes: its name is remembered until the next checkpoint. */
const fileCountsBytes = 512

export type HolderNeeds = {
  readonly store: Store
  readonly db: Db
  readonly seen: Seen
  /** Whether what other sites sent, or we added ourselves, counts as held for this one. */
  shared(site: SiteId): boolean
}

/**
 * `held`: here, and sent by this same source before (or by anybody, where the link shares). `hidden`:
 * here, but what this source sends may not depend on it.
 */
export type Held = 'held' | 'hidden' | 'missing'

/** A file of several blocks that is on its way. */
export type Arriving = {
  readonly missing: readonly { first: number; count: number }[]
  take(index: number, body: Uint8Array): Promise<void>
}

export interface Holder extends AsyncDisposable {
  /** What is known of each of these here. */
  holds(cids: readonly FileCid[]): Promise<Held[]>
  /** From now on this file is on its way: a second one of the same content need not be asked for. */
  expect(cid: FileCid): void
  isComing(cid: FileCid): boolean
  node(cid: Root): Promise<Uint8Array | undefined>
  /** Faults `corrupt` when the bytes are not what the name says. */
  keepNode(cid: Root, bytes: Uint8Array): Promise<void>
  /**
   * Keeps files of one block or none, which were all `missing` when `isNew`. Faults `corrupt` when one
   * is not what its digest says.
   */
  keepSmalls(files: readonly (Small & { cid: FileCid })[], isNew: boolean): Promise<void>
  /** Begins or resumes a file of several blocks; `done` when its last block is here. */
  arrive(
    file: { cid: FileCid; size: number; digests: Uint8Array },
    on: { done(): void; resumed(bytes: number): void },
  ): Promise<Arriving>
  /** All of this page has been taken: once that is durable, the page is passed over unread. */
  whole(page: Whole): void
  /** Everything taken so far is durable, and counts as held from this site, when it resolves. */
  checkpoint(): Promise<void>
  /** The same, and these are passed over unread from now on: everything below them has been taken. */
  end(wholes: readonly Whole[]): Promise<void>
}

export function createHolder(
  needs: HolderNeeds,
  site: SiteId,
  /** What else is to be written with a checkpoint. */
  also: () => Change[],
): Holder {
  const { store, db, seen } = needs
  const { damages } = store
  const open = new Map<FileCid, Incoming>()
  const inTurn = createSerial()
  let sinceBytes = 0
  let uncoveredBytes = 0
  let checkpoints = 0
  let known: (FileCid | Root)[] = []
  let wholes: Whole[] = []
  const coming = new Set<FileCid | Root>()
  let running: Promise<void> | undefined

  async function holds(cids: readonly (FileCid | Root)[]): Promise<Held[]> {
    const here = await store.hasMany(cids)
    if (needs.shared(site)) return here.map((is) => (is ? 'held' : 'missing'))
    const asked = cids.filter((_, i) => here[i])
    const from = asked.length > 0 ? await seen.which(site, asked) : []
    let next = 0
    return here.map((is) => (is ? (from[next++] ? 'held' : 'hidden') : 'missing'))
  }

  const checkpoint = () =>
    inTurn(async () => {
      // What comes while this one runs belongs to the next.
      const [now, pages, covered] = [known, wholes, uncoveredBytes]
      if (covered === 0 && now.length + pages.length === 0) return
      known = []
      wholes = []
      sinceBytes = 0
      checkpoints++
      try {
        for (const file of [...open.values()]) await file.checkpoint()
        await store.flush()
        await seen.note(site, now)
        if (pages.length > 0) await seen.noteWhole(site, pages, damages)
        const changes = also()
        if (changes.length > 0) await db.write(changes)
      } catch (thrown) {
        // It is tried once more in the end: what is held and not known to be from here is sent again.
        known = [...now, ...known]
        throw thrown
      }
      for (const cid of now) coming.delete(cid)
      uncoveredBytes -= covered
    })

  async function taken(bytes: number): Promise<void> {
    sinceBytes += bytes
    uncoveredBytes += bytes
    if (sinceBytes >= checkpointBytes && running === undefined) {
      running = checkpoint()
      running.then(
        () => {
          running = undefined
        },
        // Thrown to the next that waits for it; it stays, for nothing after it would be covered.
        () => {},
      )
    }
    if (uncoveredBytes >= uncoveredBytesMax) await running
  }

  return {
    holds,
    expect: (cid) => void coming.add(cid),
    isComing: (cid) => coming.has(cid),
    whole: (page) => void wholes.push(page),
    node: async (cid) => ((await holds([cid]))[0] === 'held' ? store.block(cid) : undefined),
    async keepNode(cid, bytes) {
      if (rootOf(sha256, bytes) !== cid) throw wrong(cid)
      await store.putBlock(bytes)
      known.push(cid)
      await taken(bytes.byteLength)
    },
    async keepSmalls(files, isNew) {
      await store.putSmalls(files, { isNew })
      for (const { cid } of files) known.push(cid)
      await taken(files.reduce((sum, { bytes }) => sum + bytes.byteLength + fileCountsBytes, 0))
    },
    async arrive({ cid, size, digests }, on) {
      const file = await store.put(cid, size, digests)
      open.set(cid, file)
      if (file.heldBytes > 0) on.resumed(file.heldBytes)
      const missing = [...file.missing()]
      let left = missing.reduce((sum, { count }) => sum + count, 0)
      let began = file.heldBytes > 0 ? -1 : undefined
      const finish = async () => {
        // Held is what is known and has its name. Once it has its name the partial file is gone, and
        // if only then it became known, a crash in between would send all of it again. A file that
        // came after the last checkpoint may wait for the next.
        known.push(cid)
        if (began !== checkpoints) await checkpoint()
        // A checkpoint that a manifest page brings about must not meet a file that is being closed.
        open.delete(cid)
        try {
          await endFile(file)
        } catch (thrown) {
          open.set(cid, file)
          throw thrown
        }
        on.done()
      }
      if (left === 0) await finish()
      return {
        missing,
        async take(index, body) {
          began ??= checkpoints
          await file.write(index, body)
          await taken(blockSize(size, index))
          if (--left === 0) await finish()
        },
      }
    },
    checkpoint,
    async end(more) {
      await checkpoint()
      if (more.length > 0) await seen.noteWhole(site, more, damages)
    },
    async [Symbol.asyncDispose]() {
      await running?.catch(() => {})
      if (known.length > 0) await Promise.allSettled([checkpoint()])
      // What cannot be kept any more is sent again; each is let go, or it could not arrive again.
      await Promise.allSettled([...open.values()].map((file) => file.close()))
    },
  }
}

/** A block that went bad here since an earlier checkpoint is missing again: pull once more, do not give up. */
async function endFile(file: Incoming): Promise<void> {
  try {
    await file.finish()
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.kind !== 'corrupt') throw thrown
    throw new Fault('busy', 'content.finish', {
      about: thrown.about,
      text: 'A part that was written earlier is damaged on the disk; it is pulled again.',
      cause: thrown,
    })
  }
}

function wrong(cid: Root): Fault {
  return new Fault('corrupt', 'content.node', {
    about: cid,
    side: 'there',
    text: 'A part of the manifest is not what its name says. Nothing was imported; verify the dataset at the source.',
  })
}
