/** So many streams of one protocol on one connection; whoever comes then waits, though not for ever. */
import type { Connection } from '@libp2p/interface'
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { createPool, type Pool } from '../base/work.ts'

export type Places = {
  /** Resolves with the function that gives the place back; faults `busy` after the wait. */
  take(
    connection: Connection,
    protocol: string,
    max: number,
    signal: AbortSignal,
  ): Promise<() => void>
}

/** Streams that may wait for a place, by connection and protocol. */
const waitingMax = 256

export function createPlaces(o: { clock: Clock; waitMs: number }): Places {
  const pools = new WeakMap<Connection, Map<string, Pool>>()

  function poolOf(connection: Connection, protocol: string, max: number): Pool {
    const ofConnection = pools.get(connection) ?? new Map<string, Pool>()
    pools.set(connection, ofConnection)
    const pool = ofConnection.get(protocol) ?? createPool({ limit: max, waitingMax })
    ofConnection.set(protocol, pool)
    return pool
  }

  return {
    take(connection, protocol, max, signal) {
      const late = new AbortController()
      const timer = o.clock.after(o.waitMs, () => {
        late.abort(
          new Fault('busy', 'net.open', {
            about: protocol,
            text: `${max} streams of ${protocol} are open to this site; no more at a time.`,
          }),
        )
      })
      return new Promise((resolve, reject) => {
        const held = () => {
          timer[Symbol.dispose]()
          const left = Promise.withResolvers<void>()
          resolve(left.resolve)
          return left.promise
        }
        const waiting = AbortSignal.any([signal, late.signal])
        poolOf(connection, protocol, max)
          .run(held, { signal: waiting })
          .catch((thrown) => {
            timer[Symbol.dispose]()
            reject(thrown)
          })
      })
    },
  }
}
