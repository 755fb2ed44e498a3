/**
 * Events to one reader. What is written waits for what was written before, so that a slow reader
 * slows the telling and fills no memory; one that takes nothing for too long is dropped by name.
 */
import type { ServerResponse } from 'node:http'
import { eventsMedia, signOfLife, signOfLifeMs, writeEvent } from '../../api/sse.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import type { Answers } from '../metrics/answers.ts'
import type { Log } from './log.ts'

/** How long a reader may take nothing, in milliseconds. */
export const slowReaderMs = 30_000

export type StreamNeeds = {
  readonly clock: Clock
  readonly log: Log
  /** Whom to name in the log. */
  readonly reader: string
  readonly headers: Readonly<Record<string, string>>
  readonly counts?: Pick<Answers, 'readerDropped'> | undefined
}

export interface Stream extends Disposable {
  /** Resolves when there is room for the next; `busy` when the reader was dropped or is gone. */
  send(event: string, data: unknown): Promise<void>
  /** The same of events that are written already. */
  write(text: string): Promise<void>
  end(): void
}

export function openStream(raw: ServerResponse, needs: StreamNeeds): Stream {
  const { clock, log, reader, headers, counts } = needs
  raw.writeHead(200, { ...headers, 'content-type': eventsMedia, 'x-accel-buffering': 'no' })
  raw.flushHeaders()
  const life = clock.every(signOfLifeMs, () => {
    // A reader that is behind hears something already.
    if (!raw.writableNeedDrain && !raw.destroyed) raw.write(signOfLife)
  })

  function gone(): Fault {
    return new Fault('busy', 'http.stream', { about: reader, text: 'The reader is gone.' })
  }

  function drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        raw.off('drain', onDrain)
        raw.off('close', onClose)
        patience[Symbol.dispose]()
      }
      const onDrain = () => {
        leave()
        resolve()
      }
      const onClose = () => {
        leave()
        reject(gone())
      }
      const patience = clock.after(slowReaderMs, () => {
        leave()
        log.warn({ reader, ms: slowReaderMs }, 'a reader of events was too slow and was dropped')
        counts?.readerDropped()
        raw.destroy()
        reject(
          new Fault('busy', 'http.stream', { about: reader, text: 'The reader was too slow.' }),
        )
      })
      raw.on('drain', onDrain)
      raw.on('close', onClose)
    })
  }

  async function write(text: string): Promise<void> {
    if (raw.destroyed) throw gone()
    if (!raw.write(text)) await drained()
  }

  return {
    write,
    send: (event, data) => write(writeEvent(event, data)),
    end() {
      if (!raw.destroyed) raw.end()
    },
    [Symbol.dispose]: () => life[Symbol.dispose](),
  }
}
