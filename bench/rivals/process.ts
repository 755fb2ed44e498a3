/**
 * A rival that is two processes: one has the bytes, the other gets them. Each file `*-end.ts` beside
 * this one is such a process; it runs `serveEnd`, and the bench talks to it over Node's own channel.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

/** What both ends are told: how much, from which file, and a folder of their own. */
export type Work = { readonly bytes: number; readonly path: string; readonly folder: string }

export interface Ends extends AsyncDisposable {
  readonly pids: readonly number[]
  /** The sink gets everything, and says how many bytes that were. */
  go(): Promise<number>
}

async function openEnd(file: string, args: unknown[]): Promise<[ChildProcess, unknown]> {
  const child = fork(resolve(import.meta.dirname, file), [JSON.stringify(args)])
  return [child, await heard(child)]
}

async function heard(child: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const { signal } = over
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`an end of a rival ended with ${code} before it was done`)
      }),
    ])
  } finally {
    over.abort()
  }
}

export async function openEnds(file: string, work: { source: Work; sink: Work }): Promise<Ends> {
  const children: ChildProcess[] = []
  const dispose = async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  }
  try {
    const [source, told] = await openEnd(file, ['source', work.source])
    children.push(source)
    const [sink] = await openEnd(file, ['sink', work.sink, told])
    children.push(sink)
    return {
      pids: [source.pid!, sink.pid!],
      async go() {
        sink.send('go')
        return Number(await heard(sink))
      },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (thrown) {
    await dispose()
    throw thrown
  }
}

/** The other side of `openEnds`, in the process itself. `told` is what the source said of itself. */
export async function serveEnd<T>(o: {
  source(work: Work): Promise<T>
  /** Gets ready and returns what is measured. */
  sink(work: Work, told: T): Promise<() => Promise<number>>
}): Promise<void> {
  const [role, work, told] = JSON.parse(process.argv[2]!) as ['source' | 'sink', Work, T]
  // Nobody may be left over when the bench is gone.
  process.on('disconnect', () => process.exit())
  if (role === 'source') {
    process.send!(await o.source(work))
    return
  }
  const go = await o.sink(work, told)
  process.once('message', async () => process.send!(await go()))
  process.send!('ready')
}
