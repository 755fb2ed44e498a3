/**
 * Pieces of content on their way to one reader. Two are in memory: while one is on its way, the next is
 * made. Who takes none for too long is dropped by name; who goes away is nobody's failure.
 */
import type { FastifyReply } from 'fastify'
import { asFault, Fault, toWireFault } from '../../protocol/fault.ts'
import type { Serving } from './doorway.ts'

/** How long a reader may take for one piece, at most a block, in milliseconds: 3.5 kB/s. */
const slowPieceMs = 300_000

export type SendingNeeds = Pick<Serving, 'clock' | 'log'> & {
  readonly signal: AbortSignal
  /** Whom to name in the log. */
  readonly reader: string
}

/**
 * Answers whether all of it was sent. When a piece cannot be had the line is cut, so that nobody takes
 * the part for the whole. A piece may be written over when the one after the next is asked for.
 */
export async function sendPieces(
  { raw }: FastifyReply,
  pieces: AsyncIterable<Uint8Array>,
  { clock, log, reader, signal, about }: SendingNeeds & { readonly about: string },
): Promise<boolean> {
  const onAbort = () => raw.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  let sent = Promise.resolve()
  try {
    for await (const piece of pieces) {
      await sent
      signal.throwIfAborted()
      sent = passed(piece)
      // It is awaited with the next piece; meanwhile its failure is nobody's.
      sent.catch(() => {})
    }
    await sent
    raw.end()
    return true
  } catch (thrown) {
    raw.destroy()
    const fault = asFault(thrown, 'http.bytes', about)
    if (signal.aborted || fault.op === 'http.asker') return false
    log.warn({ reader, fault: toWireFault(fault) }, 'content was not sent to its end')
    return false
  } finally {
    signal.removeEventListener('abort', onAbort)
  }

  /** Resolves when the system has taken it, so that its memory may be used again. */
  function passed(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const patience = clock.after(slowPieceMs, () => {
        raw.destroy()
        reject(new Fault('busy', 'http.bytes', { text: 'The reader was too slow.' }))
      })
      raw.write(bytes, (failed) => {
        patience[Symbol.dispose]()
        // Its line is cut, or it has what it wanted: that is nobody's failure.
        if (failed) reject(new Fault('gone', 'http.asker'))
        else resolve()
      })
    })
  }
}
