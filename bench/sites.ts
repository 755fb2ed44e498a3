/** Two real sites for the bench, and one send between them as the promises mean it. */
import type { DatasetId } from '../protocol/ids.ts'
import { acceptedPair, isDone, type Pair, type SiteOptions, until } from '../test/site.ts'
import { type Cost, costOf } from './cost.ts'
import { freePort } from './free-port.ts'
import type { Door } from './line.ts'

/** No transfer of the bench takes longer; in milliseconds. */
const transferMs = 2 * 60 * 60_000

export type Ends = { oslo?: SiteOptions; kyoto?: SiteOptions }

/** With the direct lane, which is how sites are meant to run, or over libp2p streams alone. */
export function openPair(o: { lane: boolean } & Ends): Promise<Pair> {
  return acceptedPair({ oslo: withLane(o.lane, o.oslo), kyoto: withLane(o.lane, o.kyoto) })
}

const withLane = (lane: boolean, options: SiteOptions = {}): SiteOptions => ({ lane, ...options })

export const pidsOf = ({ oslo, kyoto }: Pair) => [oslo.process.pid!, kyoto.process.pid!]

/** From the call of `transfers.send` until the source has the receipt of what was imported and flushed. */
export async function send(pair: Pair, dataset: DatasetId, dest: DatasetId | 0 = 0) {
  const { atOslo, to } = pair
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: dataset }, dest })
  return await until(atOslo, sent.id, isDone, transferMs)
}

/** A fresh pair of sites holds `path` at Oslo; the send alone is measured. */
export async function costOfSend(
  path: string,
  o: {
    lane: boolean
    inPlace?: boolean
    ready?: () => Promise<unknown>
    after?: (pair: Pair) => Promise<unknown>
  } & Ends,
): Promise<Cost> {
  await using pair = await openPair(o)
  const { id } = await add(pair, path, o.inPlace)
  await o.ready?.()
  const cost = await costOf(pidsOf(pair), () => send(pair, id))
  await o.after?.(pair)
  return cost
}

export const add = ({ atOslo }: Pair, path: string, inPlace = false) =>
  atOslo.call('datasets.add', { name: 'Bench', path, inPlace })

/**
 * Sites whose ports lie behind a line: each listens at ports of its own, for libp2p and for lanes, and
 * says that it is to be found at doors of the line, so that whoever dials goes through it.
 */
export async function behind() {
  const [oslo, osloLane, kyoto, kyotoLane] = await Promise.all(Array.from({ length: 4 }, freePort))
  const doors: Door[] = [
    { port: oslo!, toward: 'oslo' },
    { port: osloLane!, toward: 'oslo' },
    { port: kyoto!, toward: 'kyoto' },
    { port: kyotoLane!, toward: 'kyoto' },
  ]
  const place = (port: number) => `127.0.0.1:${port}`
  const end = (own: [number, number], told: [number, number]): SiteOptions => ({
    listen: [place(own[0])],
    announce: [place(told[0])],
    lane: place(own[1]),
    announceLane: place(told[1]),
  })
  return {
    doors,
    at: (ports: readonly number[]): Ends => ({
      oslo: end([oslo!, osloLane!], [ports[0]!, ports[1]!]),
      kyoto: end([kyoto!, kyotoLane!], [ports[2]!, ports[3]!]),
    }),
  }
}
