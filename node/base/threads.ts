/** Threads that run one module each and answer one question at a time: for work that would hold up the loop. */
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface Threads<In, Out> extends AsyncDisposable {
  /** What the module answers; waits while all threads are at work. Rejects when its thread broke. */
  ask(question: In): Promise<Out>
}

/**
 * Begins threads when they are needed, at most `most`. The module at `folder/name` answers each
 * message with one message and must not throw. Whoever asks bounds how much waits.
 */
export function openThreads<In, Out>(o: {
  folder: string
  name: string
  most: number
}): Threads<In, Out> {
  const all = new Set<Worker>()
  const idle: Worker[] = []
  const waiting: (() => void)[] = []
  // As this file is, so is the module: TypeScript where it is run as it was written.
  const path = join(o.folder, `${o.name}${extname(import.meta.filename)}`)

  function begin(): Worker {
    const worker = new Worker(path, { execArgv: [] })
    all.add(worker)
    return worker
  }

  async function take(): Promise<Worker> {
    for (;;) {
      const free = idle.pop() ?? (all.size < o.most ? begin() : undefined)
      if (free !== undefined) return free
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }

  function answerOf(worker: Worker, question: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        worker.off('message', onMessage)
        worker.off('error', onError)
        worker.off('exit', onExit)
      }
      const onMessage = (answer: Out) => {
        leave()
        idle.push(worker)
        resolve(answer)
      }
      const onError = (thrown: unknown) => {
        leave()
        all.delete(worker)
        reject(thrown)
      }
      const onExit = () => onError(new Error(`The thread of ${o.name} ended before it answered.`))
      worker.on('message', onMessage)
      worker.on('error', onError)
      worker.on('exit', onExit)
      worker.postMessage(question)
    })
  }

  return {
    async ask(question) {
      const worker = await take()
      try {
        return await answerOf(worker, question)
      } finally {
        waiting.shift()?.()
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...all].map((worker) => worker.terminate()))
    },
  }
}
