/**
 * The mark of a question that may be asked twice. Whatever changes first while it is answered is
 * recorded with the mark, in the very record of the change: so whether it was done can be told after
 * any crash, and nobody between the asker and the journal has to hand the mark on.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

type Asking = { mark: string | undefined }

const running = new AsyncLocalStorage<Asking>()

/** What `run` starts and leaves behind bears no mark once it has resolved. */
export async function askedAs<T>(mark: string, run: () => Promise<T>): Promise<T> {
  const asking: Asking = { mark }
  try {
    return await running.run(asking, run)
  } finally {
    asking.mark = undefined
  }
}

/** The mark of the question that is being answered here, for the first who takes it. */
export function takeMark(): string | undefined {
  const asking = running.getStore()
  const mark = asking?.mark
  if (asking !== undefined) asking.mark = undefined
  return mark
}
