/**
 * What the destination holds while it pulls: which content counts as held, where arriving blocks go,
 * and the checkpoints that bound what a crash sends again.
 */
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root, SiteId } from '../../protocol/ids.ts'
import { blockSize, blocksOf, digestAt, rootOf } from '../../protocol/unixfs.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { sha256 } from '../store/sha256.ts'
import type { Incoming, Store } from '../store/store.ts'

/** Bytes taken between two checkpoints: with what is wanted, the most that a crash sends again. */
export const checkpointBytes = 4 * 1024 * 1024

export type HolderNeeds = {
  readonly store: Store
  readonly db: Db
  /** Whether what other sites sent, or we added ourselves, counts as held for this one. */
  shared(site: SiteId): boolean
}

export type WantedBlock = { index: number; bytes: number; take(body: Uint8Array): Promise<void> }

export interface Holder extends AsyncDisposable {
  /** Held, and sent by this same source before (or by anybody, where the link shares). */
  holds(cid: FileCid): Promise<boolean>
  node(cid: Root): Promise<Uint8Array | undefined>
  /** Faults `corrupt` when the bytes are not what the name says. */
  keepNode(cid: Root, bytes: Uint8Array): Promise<void>
  /** The blocks of a file that are missing here, each with where to put it. */
  want(
    cid: FileCid,
    size: number,
    digests: Uint8Array,
    on: { done(): void; resumed(bytes: number): void },
  ): Promise<Iterable<WantedBlock>>
  /** Everything taken so far is durable, and counts as held from this site, when it resolves. */
  checkpoint(): Promise<void>
}

export function createHolder(
  needs: HolderNeeds,
  site: SiteId,
  /** What else is to be written with a checkpoint. */
  also: () => Change[],
): Holder {
  const { store, db } = needs
  const open = new Map<FileCid, Incoming>()
  const coming = new Set<FileCid>()
  let sinceBytes = 0
  let checkpoints = 0
  let seen: Change[] = []
  let finished: FileCid[] = []

  async function isOurs(cid: FileCid | Root): Promise<boolean> {
    const from = needs.shared(site) || (await db.get(keys.seen(site, cid))) !== undefined
    return from && (await store.has(cid))
  }

  async function checkpoint(): Promise<void> {
    // What comes while this one runs belongs to the next.
    const [known, ended] = [seen, finished]
    seen = []
    finished = []
    sinceBytes = 0
    checkpoints++
    for (const file of open.values()) await file.checkpoint()
    await store.flush()
    const changes = [...known, ...also()]
    if (changes.length > 0) await db.write(changes)
    for (const cid of ended) coming.delete(cid)
  }

  async function taken(bytes: number): Promise<void> {
    sinceBytes += bytes
    if (sinceBytes >= checkpointBytes) await checkpoint()
  }

  function see(cid: FileCid | Root): void {
    seen.push({ put: keys.seen(site, cid), value: true })
  }

  function whole(cid: FileCid, on: { done(): void }): void {
    finished.push(cid)
    on.done()
  }

  return {
    holds: async (cid) => coming.has(cid) || (await isOurs(cid)),
    node: async (cid) => ((await isOurs(cid)) ? store.block(cid) : undefined),
    async keepNode(cid, bytes) {
      if (rootOf(sha256, bytes) !== cid) throw wrong(cid)
      await store.putBlock(bytes)
      see(cid)
      await taken(bytes.byteLength)
    },
    async want(cid, size, digests, on) {
      // A second file of the same content in this transfer is held as soon as the first is.
      coming.add(cid)
      if (size === 0) {
        await store.putSmall(sha256(new Uint8Array(0)), new Uint8Array(0))
        see(cid)
        whole(cid, on)
        return []
      }
      if (blocksOf(size) === 1) {
        const take = async (body: Uint8Array) => {
          await store.putSmall(digestAt(digests, 0), body)
          see(cid)
          whole(cid, on)
          await taken(body.byteLength)
        }
        return [{ index: 0, bytes: size, take }]
      }
      return wantLarge(cid, size, digests, on)
    },
    checkpoint,
    async [Symbol.asyncDispose]() {
      // Files that are held and not known to be from here would be sent again as a whole.
      if (finished.length > 0) await Promise.allSettled([checkpoint()])
      // What cannot be kept any more is sent again; each is let go, or it could not arrive again.
      await Promise.allSettled([...open.values()].map((file) => file.close()))
    },
  }

  async function wantLarge(
    cid: FileCid,
    size: number,
    digests: Uint8Array,
    on: { done(): void; resumed(bytes: number): void },
  ): Promise<Iterable<WantedBlock>> {
    const file = await store.put(cid, size, digests)
    open.set(cid, file)
    if (file.heldBytes > 0) on.resumed(file.heldBytes)
    const missing = [...file.missing()]
    let left = missing.reduce((sum, { count }) => sum + count, 0)
    let began = file.heldBytes > 0 ? -1 : undefined
    const finish = async () => {
      // Held is what is known and has its name. Once it has its name the partial file is gone, and if
      // only then it became known, a crash in between would send all of it again. A file that came
      // after the last checkpoint may wait for the next.
      see(cid)
      if (began !== checkpoints) await checkpoint()
      // A checkpoint that a manifest page brings about must not meet a file that is being closed.
      open.delete(cid)
      try {
        await endFile(file)
      } catch (thrown) {
        open.set(cid, file)
        throw thrown
      }
      whole(cid, on)
    }
    if (left === 0) await finish()
    const take = async (index: number, body: Uint8Array) => {
      began ??= checkpoints
      await file.write(index, body)
      await taken(body.byteLength)
      if (--left === 0) await finish()
    }
    return blocksIn(missing, size, take)
  }
}

/** One at a time: a file of a terabyte has a million blocks. */
function* blocksIn(
  ranges: readonly { first: number; count: number }[],
  size: number,
  take: (index: number, body: Uint8Array) => Promise<void>,
): Generator<WantedBlock> {
  for (const { first, count } of ranges) {
    for (let index = first; index < first + count; index++) {
      yield { index, bytes: blockSize(size, index), take: (body) => take(index, body) }
    }
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
