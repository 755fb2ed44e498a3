/**
 * What of a page is asked for, and in what pieces: small files that follow one another as one run,
 * large ones block by block. A block that is not what its digest says is asked for once more, because
 * the source reads what it is asked for twice with more care; the second time ends the transfer.
 */
import { type BlockPlace, frameBodyBytesMax } from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Root } from '../../protocol/ids.ts'
import { blockBytes, blockSize } from '../../protocol/unixfs.ts'
import { sha256 } from '../store/sha256.ts'
import type { Holder } from './holder.ts'
import type { WalkedFile } from './receive.ts'
import type { Run } from './session.ts'
import type { Streams } from './streams.ts'

/** Small files in one run: what is hashed in one go, and what a stalled answer may hold up. */
const runFilesMax = 256

export interface Wanting {
  /** Asks for everything on this page that is not here. */
  page(
    page: number,
    files: readonly WalkedFile[],
    name: { cid: Root; place: Uint8Array },
  ): Promise<void>
}

export type WantingNeeds = {
  streams: Streams
  holder: Holder
  /** Its number in the bundle. */
  tree: number
  /** So many files, of so many bytes, were here already. */
  held(files: number, bytes: number): void
  /** So many bytes of a file had come earlier. */
  resumed(bytes: number): void
  /** Bytes came, and with them so many whole small files. */
  came(files: number, bytes: number): void
  /** Files of several blocks are whole. */
  done(files: number): void
}

const nothing = new Uint8Array(0)
const digestOfNothing = sha256(nothing)

export function createWanting(o: WantingNeeds): Wanting {
  const { streams, holder, tree } = o

  /** Asks for it, and once more for what of it did not arrive as what it is called. */
  async function want(run: Run): Promise<void> {
    const again: Run = {
      ...run,
      async take(first, count, body) {
        try {
          await run.take(first, count, body)
        } catch (thrown) {
          if (!(thrown instanceof Fault && thrown.kind === 'corrupt' && thrown.side === 'there'))
            throw thrown
          const blocks = run.blocks.slice(first, first + count)
          const { entry, index } = blocks[0]!
          streams.wantAgain({
            place: [tree, run.place[1], entry, index, count],
            blocks,
            bytes: body.byteLength,
            take: (from, many, bytes) => run.take(first + from, many, bytes),
          })
        }
      },
    }
    await streams.want(again)
  }

  function smallRun(
    page: number,
    files: readonly WalkedFile[],
    isNew: boolean,
    landed: (n: number) => void,
  ): Run {
    const blocks = files.map(({ entry, file }) => ({ entry, index: 0, bytes: file.size }))
    return {
      place: [tree, page, files[0]!.entry, 0, files.length] satisfies BlockPlace,
      blocks,
      bytes: blocks.reduce((sum, { bytes }) => sum + bytes, 0),
      async take(first, count, body) {
        const taken = files.slice(first, first + count)
        let at = 0
        const smalls = taken.map(({ file, cid, digests }) => {
          const bytes = body.subarray(at, at + file.size)
          at += file.size
          return { cid, digest: digests, bytes }
        })
        await holder.keepSmalls(smalls, isNew)
        o.came(count, body.byteLength)
        landed(count)
      },
    }
  }

  async function large(
    page: number,
    { file, entry, cid, digests }: WalkedFile,
    landed: (n: number) => void,
  ): Promise<void> {
    const { size } = file
    const done = () => {
      o.done(1)
      landed(1)
    }
    const arriving = await holder.arrive({ cid, size, digests }, { done, resumed: o.resumed })
    for (const { first, count } of arriving.missing) {
      for (let index = first; index < first + count; index++) {
        const bytes = blockSize(size, index)
        await want({
          place: [tree, page, entry, index, 1],
          blocks: [{ entry, index, bytes }],
          bytes,
          async take(_first, _count, body) {
            await arriving.take(index, body)
            o.came(0, body.byteLength)
          },
        })
      }
    }
  }

  return {
    async page(page, files, name) {
      const held = await holder.holds(files.map(({ cid }) => cid))
      const here = createHere(files.length, () => holder.whole(name))
      let run: WalkedFile[] = []
      let runBytes = 0
      let isNew = true
      const flush = async () => {
        const [now, areNew] = [run, isNew]
        run = []
        runBytes = 0
        isNew = true
        if (now.length > 0) await want(smallRun(page, now, areNew, here.landed))
      }
      for (const [i, walked] of files.entries()) {
        const { file, cid } = walked
        const isHeld = held[i] === 'held'
        if (isHeld || holder.isComing(cid)) {
          // The second file of one content is here once the first is, and that may still be cut off.
          if (!isHeld) here.spoil()
          o.held(1, file.size)
          here.landed(1)
          if (file.size > 0) await flush()
        } else if (file.size === 0) {
          await holder.keepSmalls([{ cid, digest: digestOfNothing, bytes: nothing }], false)
          o.came(1, 0)
          here.landed(1)
        } else {
          holder.expect(cid)
          const small = file.size <= blockBytes
          if (!small || runBytes + file.size > frameBodyBytesMax || run.length >= runFilesMax)
            await flush()
          if (small) {
            run.push(walked)
            isNew &&= held[i] === 'missing'
            runBytes += file.size
          } else await large(page, walked, here.landed)
        }
      }
      await flush()
    },
  }
}

/** Calls `all` when every file of a page has landed, unless something spoilt it. */
function createHere(files: number, all: () => void) {
  let left = files
  let spoilt = false
  if (left === 0) all()
  return {
    landed(count: number): void {
      left -= count
      if (left === 0 && !spoilt) all()
    },
    spoil(): void {
      spoilt = true
    },
  }
}
