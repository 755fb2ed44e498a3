/** Two real sites for the bench, and one send between them as the promises mean it. */
import type { DatasetId } from '../protocol/ids.ts'
import { acceptedPair, isDone, type Pair, type SiteOptions, until } from '../test/site.ts'
import { type Cost, costOf } from './cost.ts'
import { freePort } from './free-port.ts'

/** No transfer of the bench takes longer; in milliseconds. */
const transferMs = 2 * 60 * 60_000

export type Ends = { oslo?: SiteOptions; kyoto?: SiteOptions }

/** With the direct lane, which is how sites are meant to run, or over libp2p streams alone. */
export function openPair(o: { lane: boolean } & Ends): Promise<Pair> {
  return acceptedPair({ oslo: withLane(o.lane, o.oslo), kyoto: withLane(o.lane, o.kyoto) })
}

function withLane(lane: boolean, options: SiteOptions = {}): SiteOptions {
  return Object.assign({ ...(lane ? { lane: true } : {}) }, options)
}

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
  o: { lane: boolean; inPlace?: boolean; after?: (pair: Pair) => Promise<unknown> } & Ends,
): Promise<Cost> {
  await using pair = await openPair(o)
  const { id } = await add(pair, path, o.inPlace)
  const cost = await costOf(pidsOf(pair), () => send(pair, id))
  await o.after?.(pair)
  return cost
}

export const add = ({ atOslo }: Pair, path: string, inPlace = false) =>
  atOslo.call('datasets.add', { name: 'Bench', path, inPlace })

/**
 * Sites whose ports lie behind a line: each listens at a port of its own and says that it is to be
 * found at a door of the line, so that whoever dials goes through it.
 */
export async function behind() {
  const ports = { oslo: await freePort(), kyoto: await freePort() }
  const doors = [
    { port: ports.oslo, toward: 'oslo' },
    { port: ports.kyoto, toward: 'kyoto' },
  ] as const
  const end = (port: number, door: number) => ({
    listen: [`127.0.0.1:${port}`],
    announce: [`127.0.0.1:${door}`],
  })
  return {
    doors,
    at: ([oslo, kyoto]: readonly number[]): Ends => ({
      oslo: end(ports.oslo, oslo!),
      kyoto: end(ports.kyoto, kyoto!),
    }),
  }
}
