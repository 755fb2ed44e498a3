/**
 * Where content is held: whole files and metadata blocks, each under its CID. This file is the
 * contract; `objects.ts` keeps it on a disk and `memory.ts` in a map. Whatever comes in is capped and
 * hashed against its name; on a disk small things are then appended to a pack (`packs/packs.ts`), and
 * larger files written aside, flushed and renamed (`intake.ts`). A file may also be held by reference,
 * where it already lies (`places.ts`).
 *
 * Every byte that comes out was hashed on its way out, unless the caller says that whoever gets it
 * hashes it (`trust`, `readSmalls`). Nothing that comes in replaces other content, because the name
 * follows from the bytes: to put the same thing twice changes nothing.
 */
import type { FileCid, Root } from '../../protocol/ids.ts'

/** The most a metadata block weighs, in bytes: a root. */
export const nodeBytesMax = 1_048_576
/** Files that are given their names at the same time; more wait. */
export const writesMax = 32
/** Files left in place that are remembered for one CID. */
export const placesMax = 8
/** Small files of one batch, and their bytes together: what one call may hold on to. */
export const smallsMax = 4096
export const smallsBytesMax = 16 * 1_048_576

/**
 * Small things that come in whole. They can be read at once and are durable after a `flush`. `full`
 * may come as late as that: what was taken before is then still there, and a flush when there is room
 * again makes it durable.
 */
export interface Puts {
  /** A metadata block of DAG-CBOR. `invalid` over `nodeBytesMax`. */
  putBlock(bytes: Uint8Array): Promise<Root>
  /**
   * A file of one block or none. `corrupt` when the bytes do not have this digest: nothing is
   * written. The bytes are copied; they may be used again once it resolved.
   */
  putSmall(digest: Uint8Array, bytes: Uint8Array): Promise<FileCid>
  /**
   * Many of them, far cheaper than one by one; at most `smallsMax` of `smallsBytesMax` together. All
   * are checked before any is written: `corrupt` when one of them is not its digest. When it is `full`,
   * some of them may have been taken. With `isNew` they are not looked for first, because the caller
   * has just done so: what came meanwhile is then there twice until the packs are compacted.
   */
  putSmalls(files: readonly Small[], options?: { readonly isNew?: boolean }): Promise<FileCid[]>
}

export type Small = {
  readonly digest: Uint8Array
  readonly bytes: Uint8Array
  /** Its name, when it has been made already from this digest. */
  readonly cid?: FileCid | undefined
}

export interface Store extends Puts, AsyncDisposable {
  /**
   * Whether this very store holds it whole. A file left in place does not count: it is somebody
   * else's, and what relies on it may be wrong tomorrow.
   */
  has(cid: FileCid | Root): Promise<boolean>
  /** The same of many, in their order and with one look-up. */
  hasMany(cids: readonly (FileCid | Root)[]): Promise<boolean[]>
  /** A metadata block. `missing`, or `corrupt` when its bytes have changed on the disk. */
  block(cid: Root): Promise<Uint8Array>
  /**
   * A file, with what is needed to verify it. `missing`; `corrupt` when the object has another size;
   * `conflict` (about its path) when it is held in place only and has changed there.
   */
  file(cid: FileCid, size: number, digests: Uint8Array): Promise<HeldFile>
  /**
   * Whole files of one block or none, their contents one after another at the start of `into`; what
   * lies together is read together. Not hashed when the store itself holds them, because intake did
   * and whoever gets them does again; hashed when they are left in place. Faults as `file` does, and
   * `corrupt` when something else lies where one of them should.
   */
  readSmalls(files: readonly { cid: FileCid; size: number }[], into: Uint8Array): Promise<void>
  /**
   * Begins or resumes a file that comes block by block, also when the file is held already: what one
   * site sends must not depend on what another has sent. `busy` while it is open elsewhere; `invalid`
   * when size and digests are not those of the CID.
   */
  put(cid: FileCid, size: number, digests: Uint8Array): Promise<Incoming>
  /**
   * When this resolves, everything whose put had resolved at the call is durable. `full` when there is
   * no room for it: nothing is lost, and the next flush tries again. Once it has failed in another way,
   * the disk has lost a flush: every later write fails until the store is opened anew.
   */
  flush(): Promise<void>
  /** Begins puts that count together or not at all. */
  stage(): Promise<Stage>
  /** Removes partial files that `keep` does not want; those that are open stay. Returns how many. */
  sweepPartials(keep: (cid: FileCid) => boolean): Promise<number>
  /**
   * Forgets what is held under these names, durably. A file in place is not touched. Removing what
   * is not there is fine. Space of small things comes back with `compact`; until then an index that
   * is made again finds them again.
   */
  remove(cids: readonly (FileCid | Root)[]): Promise<void>
  /**
   * Everything that is held, in no order, each once; flat in memory, however much it is. What comes
   * or goes meanwhile may be in it or not. Files left in place are not.
   */
  list(): AsyncIterable<{ cid: FileCid | Root; bytes: number }>
  /**
   * Gives the space of forgotten small things back and makes few large packs of many small ones.
   * Reads and writes go on meanwhile; a crash at any moment loses nothing. Answers the bytes that the
   * disk has back. An abort ends it between two packs.
   */
  compact(o: { signal?: AbortSignal | undefined }): Promise<{ bytes: number }>
  /**
   * Reads one thing back from the disk and hashes it; its name says what it should be. A file of many
   * blocks is read as slowly as `pace` says, and not to its end when the signal aborts.
   */
  check(cid: FileCid | Root, o?: Reading): Promise<'whole' | 'damaged' | 'missing'>
  /**
   * Takes a damaged thing out: it is not held any more and can arrive again, and its bytes are kept
   * aside for whoever wants to look at them. Nothing happens when it is not held.
   */
  quarantine(cid: FileCid | Root): Promise<void>
  /**
   * While `run` runs, everything that is held stays in the files where it is, so that they can be
   * copied: `remove`, `compact` and `quarantine` are `busy`. What comes in comes in.
   */
  still<T>(run: () => Promise<T>): Promise<T>
  /**
   * Grows, durably and before it happens, whenever something that was held goes: removed, put in
   * quarantine, or found to be lost when the store was opened. Whoever remembers that a whole tree is
   * held remembers this number with it.
   */
  readonly damages: number
}

/** How something large is read by somebody who has time. */
export type Reading = {
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes of each block, after it. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined
}

/** A file being read. Close it by disposing of it. */
export interface HeldFile extends AsyncDisposable {
  readonly size: number
  /**
   * One block, verified against its digest: `corrupt`, or `conflict` for a file in place that has
   * changed. With `into` (at least as long as the block) the result is a view of it. With `trust` a
   * block that the store itself holds is not hashed, because intake did: only for those who pass it on
   * to somebody who hashes it. One in place is hashed all the same.
   */
  read(
    index: number,
    into?: Uint8Array,
    options?: { readonly trust?: boolean },
  ): Promise<Uint8Array>
  /**
   * Makes a new file at `path` that shares its blocks, or answers false where the file system cannot.
   * With `link` it is another name of the store's own file instead: false for what the store does not
   * hold as a file of its own, and on another file system. What is there then is *not* verified, so
   * read it back; and what is linked is never to be written to. Faults of the disk.
   */
  cloneTo(path: string, options?: { readonly link?: boolean }): Promise<boolean>
}

/** A file that comes block by block, in any order. Only whole, verified blocks are ever written. */
export interface Incoming {
  /** Runs of blocks that are not held yet, in order. Faithful to the moment of each step. */
  missing(): Iterable<{ first: number; count: number }>
  /** Bytes of the blocks that are held. */
  readonly heldBytes: number
  /** `corrupt` when the bytes are not this block: nothing is written. `full` when there is no room. */
  write(index: number, bytes: Uint8Array): Promise<void>
  /**
   * When this resolves, every block whose write had resolved at the call outlives a crash. Blocks
   * written since the last checkpoint are missing again after one. Further blocks may be written while
   * it runs; they count with the next.
   */
  checkpoint(): Promise<void>
  /**
   * The file is whole: flushed, renamed, durable, held. Blocks from before a restart are read back
   * and hashed first; if one is not what it was, `corrupt`, and it is missing again. `conflict` when
   * blocks are missing. Afterwards the incoming is closed.
   */
  finish(): Promise<void>
  /** Stops for now: a last checkpoint, then closed. */
  close(): Promise<void>
  /** Stops for good: nothing of it is left. */
  discard(): Promise<void>
}

/**
 * Puts that count together. Nothing of a stage is held before `keep` resolves, and nothing is left of
 * one that was disposed of without it, or that a crash ended.
 */
export interface Stage extends Puts, AsyncDisposable {
  /** Begins a file whose CID is not known before it ends. */
  writer(): Promise<FileWriter>
  /** Remembers a file that stays where it is. The caller has hashed it. */
  refer(cid: FileCid, place: Place): Promise<void>
  /** Everything is durable and held when this resolves; `name` tells the stage's places from others. */
  keep(name: Root): Promise<void>
}

export interface FileWriter {
  /** The next block: of `blockBytes`, except the last, which is shorter or equal and not empty. */
  append(block: Uint8Array): Promise<void>
  /** The file as it came. */
  end(): Promise<Content>
  /** Nothing of it is left. */
  discard(): Promise<void>
}

export type Content = { cid: FileCid; size: number; digests: Uint8Array }

/**
 * A file left in place, as it was when it was hashed. Numbers beyond 2^53 are text; the path is
 * absolute and has no links in it.
 */
export type Place = { path: string; size: number; mtimeNs: string; ino: string }
