/**
 * What `reader.ts` does in its thread, as seen from the site's: first a look at everything, then the
 * small files in batches, in order. A large file is only named; `add.ts` reads it block by block.
 */
import { Worker } from 'node:worker_threads'
import { asFault, Fault, type FaultKind } from '../../protocol/fault.ts'
import { entriesMax, fileBytesMax } from '../../protocol/manifest.ts'
import { blockBytes, digestBytes } from '../../protocol/unixfs.ts'
import { readFlags } from '../store/held.ts'
import type { Links } from './scan.ts'

/** Files and empty folders of one batch. Their contents together fit one block, in bytes. */
const filesAtOnce = 256

/** What the thread is told when it starts. It imports little, so that it starts quickly. */
export type ReaderTask = {
  path: string
  links: Links
  inPlace: boolean
  filesAtOnce: number
  blockBytes: number
  digestBytes: number
  readFlags: number
  entriesMax: number
  fileBytesMax: number
}

/**
 * To the thread. `stop` says that something was refused elsewhere. What is filled is shared memory:
 * to hand a megabyte to and fro between threads cost more than to read the files that are in it.
 */
export type Asked = 'survey' | { into: Uint8Array; stop: boolean }

/** From the thread. */
export type Answer =
  | { survey: Survey }
  | { batch: Batch }
  | {
      fault: {
        kind: FaultKind
        op: string
        text: string
        about?: string | number | undefined
        list: string[]
      }
    }

export type Survey = { filesTotal: number; bytesTotal: number; flagged: string[] }

/** Of one file or (of size -1) one empty folder. `time` in milliseconds. */
export type Facts = { size: number; time: number; mtimeNs: bigint; ino: bigint }

/** What a file was when it was opened. */
export type Identity = {
  ino: bigint
  dev: bigint
  size: bigint
  mtimeNs: bigint
  ctimeNs: bigint
}

/** One batch, in few pieces: what crosses between threads is paid by the piece. */
export type Batch = {
  /** Not one text that is cut here: a path that is kept would keep all the others. */
  paths: string[]
  /** Where the files are on the disk, where that is needed. */
  ats: string[]
  facts: { sizes: Float64Array; times: Float64Array; mtimes: BigInt64Array; inos: BigUint64Array }
  digests: Uint8Array
  /** The last file, when it has more than one block. It was not read. */
  large?: Identity | undefined
  refused: { path: string; reason: string; kind: FaultKind }[]
  ended: boolean
}

export interface Reading extends AsyncDisposable {
  /** Faults `invalid`, `denied` … with every path that cannot be taken; `missing`; `unsupported`. */
  survey(): Promise<Survey>
  /**
   * The next batch; may be asked for again before it has come. `content` has the small files, one
   * after another, and is lent until `run` ends.
   */
  next<T>(stop: boolean, run: (batch: Batch, content: Uint8Array) => Promise<T>): Promise<T>
}

export function openReading(o: {
  path: string
  links: Links
  inPlace: boolean
  signal?: AbortSignal | undefined
}): Reading {
  const { signal, ...asked } = o
  signal?.throwIfAborted()
  const task: ReaderTask = {
    ...asked,
    ...{ filesAtOnce, blockBytes, digestBytes, readFlags, entriesMax, fileBytesMax },
  }
  const worker = new Worker(new URL('./reader.ts', import.meta.url), {
    workerData: task,
    name: 'crossload reader',
    // Most of what it makes is short-lived; the default would let a hundred megabytes of it lie.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  })
  const waiting: { resolve: (answer: Answer) => void; reject: (thrown: unknown) => void }[] = []
  const idle: Uint8Array[] = []
  let lost: { thrown: unknown } | undefined

  function lose(thrown: unknown): void {
    lost ??= { thrown }
    for (const one of waiting.splice(0)) one.reject(lost.thrown)
  }
  worker.on('message', (answer: Answer) => waiting.shift()?.resolve(answer))
  worker.on('error', (thrown) => lose(asFault(thrown, 'tree.add')))
  worker.on('exit', () => lose(new Fault('internal', 'tree.add', { text: 'The reader ended.' })))
  const onAbort = () => {
    lose(signal?.reason)
    // It may hang in a disk that does not answer, and must not hold up whoever has stopped waiting.
    void worker.terminate()
  }
  signal?.addEventListener('abort', onAbort, { once: true })

  async function ask(message: Asked): Promise<Answer> {
    if (lost !== undefined) throw lost.thrown
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.push({ resolve, reject })
      worker.postMessage(message)
    })
    if (!('fault' in answer)) return answer
    const { kind, op, ...facts } = answer.fault
    throw new Fault(kind, op, facts)
  }

  return {
    async survey() {
      const answer = await ask('survey')
      if ('survey' in answer) return answer.survey
      throw new TypeError('The reader answered something else.')
    },
    async next(stop, run) {
      const into = idle.pop() ?? new Uint8Array(new SharedArrayBuffer(blockBytes))
      const answer = await ask({ into, stop })
      if (!('batch' in answer)) throw new TypeError('The reader answered something else.')
      try {
        return await run(answer.batch, into)
      } finally {
        idle.push(into)
      }
    },
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener('abort', onAbort)
      if (lost === undefined) await worker.terminate()
    },
  }
}
