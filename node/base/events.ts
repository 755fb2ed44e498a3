/**
 * What happens in a room, told to whoever listens. Telling never waits for a listener, so a reader
 * that cannot keep up is ended by name instead of filling memory.
 */
import { Fault } from '../../protocol/fault.ts'

export interface Events<E extends { readonly type: string }> {
  /** Tells every listener, in the order they came, before it returns. */
  emit(event: E): void
  /** `listen` must not throw: a throw reaches no one else, but ends the process as a mistake of ours. */
  on(listen: (event: E) => void): Disposable
  /** The first event from now on that fits; rejects with the signal's reason when that aborts. */
  until(fits: (event: E) => boolean, options?: { signal?: AbortSignal | undefined }): Promise<E>
  /**
   * Every event from this call on, not from the first read. Throws the signal's reason when that
   * aborts, and `busy` when more than `limit` events wait to be read; what waited is then dropped.
   */
  stream(options?: {
    signal?: AbortSignal | undefined
    limit?: number | undefined
  }): AsyncGenerator<E>
}

/** Events that may wait for one reader of a stream, unless it asks otherwise. */
export const streamEventsMax = 1000

export function createEvents<E extends { readonly type: string }>(): Events<E> {
  const listeners = new Set<{ hear: (event: E) => void }>()

  function on(hear: (event: E) => void): Disposable {
    const listener = { hear }
    listeners.add(listener)
    return { [Symbol.dispose]: () => void listeners.delete(listener) }
  }

  return {
    on,
    emit(event) {
      for (const listener of [...listeners]) {
        try {
          listener.hear(event)
        } catch (thrown) {
          queueMicrotask(() => {
            throw thrown
          })
        }
      }
    },
    until: (fits, options) => firstOf(on, fits, options?.signal),
    stream: (options) => streamOf(on, options?.limit ?? streamEventsMax, options?.signal),
  }
}

function firstOf<E>(
  on: (hear: (event: E) => void) => Disposable,
  fits: (event: E) => boolean,
  signal: AbortSignal | undefined,
): Promise<E> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const leave = () => {
      listening[Symbol.dispose]()
      signal?.removeEventListener('abort', stop)
    }
    const stop = () => {
      leave()
      reject(signal?.reason)
    }
    const listening = on((event) => {
      try {
        if (!fits(event)) return
        resolve(event)
      } catch (thrown) {
        reject(thrown)
      }
      leave()
    })
    signal?.addEventListener('abort', stop, { once: true })
  })
}

function streamOf<E>(
  on: (hear: (event: E) => void) => Disposable,
  limit: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<E> {
  let waiting: E[] = []
  let ended: { why: unknown } | undefined
  let wake = () => {}

  function end(why: unknown): void {
    if (ended !== undefined) return
    ended = { why }
    waiting = []
    listening[Symbol.dispose]()
    signal?.removeEventListener('abort', stop)
    wake()
  }
  const stop = () => end(signal?.reason)
  const listening = on((event) => {
    if (waiting.length >= limit) {
      return end(
        new Fault('busy', 'events.stream', {
          text: `More than ${limit} events waited to be read. Read again from the current state.`,
        }),
      )
    }
    waiting.push(event)
    wake()
  })
  if (signal?.aborted) stop()
  else signal?.addEventListener('abort', stop, { once: true })

  async function* read(): AsyncGenerator<E> {
    try {
      for (;;) {
        if (ended !== undefined) throw ended.why
        const event = waiting.shift()
        if (event !== undefined) {
          yield event
          continue
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      end(undefined)
    }
  }
  return read()
}
