/**
 * What the rooms tell of themselves anyway, told to the metrics too. No room knows that it is counted,
 * and the metrics know no room.
 */
import { statfs } from 'node:fs/promises'
import type { Fault } from '../protocol/fault.ts'
import type { SiteId, TransferId } from '../protocol/ids.ts'
import type { Destination } from './base/call.ts'
import type { Home } from './config.ts'
import { keys } from './db/keys.ts'
import type { Deposits } from './deposit/deposits.ts'
import type { Limits } from './limits/limits.ts'
import type { Take } from './limits/turns.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Net } from './net/net.ts'
import type { Notices } from './notices/notices.ts'
import type { Rooms } from './rooms.ts'
import type { Links } from './sites/links.ts'
import type { SealedTransfer } from './transfers/sealed.ts'
import { isOver } from './transfers/transfer.ts'
import type { Transfers } from './transfers/transfers.ts'
import type { Upkeep } from './upkeep/upkeep.ts'

/** What content waits for, with each wait counted. Whoever is under no limit goes straight on. */
export function measuredThrottle(throttle: Limits['throttle'], metrics: Metrics) {
  return (of: Parameters<Limits['throttle']>[0]): Take => {
    const take = throttle(of)
    const ask = (bytes: number, signal: AbortSignal): Promise<void> => {
      if (!take.isLimited()) return take(bytes, signal)
      const goesOn = metrics.transfers.heldBack(of.transfer, of.direction)
      return take(bytes, signal).finally(goesOn)
    }
    return Object.assign(ask, { isLimited: take.isLimited })
  }
}

/** Every dial, with how it ended counted for the site that was dialled. */
export function measuredDial(dial: Net['open'], links: Metrics['links']): Net['open'] {
  return async (to, protocol, options) => {
    try {
      const channel = await dial(to, protocol, options)
      tell(to, links.reached)
      return channel
    } catch (thrown) {
      if ((thrown as Fault).kind === 'unreachable') tell(to, links.notReached)
      throw thrown
    }
  }
}

function tell(to: Destination, hear: (site: SiteId) => void): void {
  if ('site' in to) hear(to.site)
}

/** From now on, what moves is counted; called when everything is open and nothing moves yet. */
export async function watchRooms(
  stack: AsyncDisposableStack,
  metrics: Metrics,
  o: {
    home: Home
    rooms: Pick<Rooms, 'commit' | 'db' | 'journal' | 'disk'>
    net: Net
    links: Links
    transfers: Pick<Transfers<never>, 'events'>
    deposits: Deposits
    upkeep: Upkeep
    hooks: { glance(): { states: Readonly<Record<string, number>>; behindMs: number } }
    notices: { mail: Pick<Notices['mail'], 'view'> }
  },
): Promise<void> {
  const { commit, db, journal, disk } = o.rooms
  const moved = (transfer: SealedTransfer) =>
    metrics.transfers.moved(transfer, isOver(transfer.state))
  for await (const { value: id } of db.list<TransferId>(keys.unfinishedAll())) {
    const transfer = await db.get<SealedTransfer>(keys.transfer(id))
    if (transfer !== undefined) moved(transfer)
  }
  stack.use(
    commit.on(({ kind, data }) => {
      if (kind === 'transfer.put') moved(data as SealedTransfer)
      if (kind === 'transfer.made' || kind === 'transfer.imported')
        moved((data as { transfer: SealedTransfer }).transfer)
      if (kind === 'deposit.failed') metrics.depositFailed()
    }),
  )
  stack.use(
    o.transfers.events.on(({ id, more }) => {
      if (more !== undefined) metrics.transfers.crossed(id, more)
    }),
  )
  stack.use(
    o.net.on(({ type, site }) => {
      if (type === 'opened') metrics.links.reached(site)
    }),
  )
  stack.use(
    o.links.events.on((news) => {
      if (news.type === 'reached') metrics.links.reached(news.site)
    }),
  )
  const reading = metrics.watch({
    store: () => disk.list(),
    async disks() {
      const of = async (folder: string) => {
        const { bavail, blocks, bsize } = await statfs(folder)
        return { free: bavail * bsize, size: blocks * bsize }
      }
      return { home: await of(o.home.folder), store: await of(o.home.store) }
    },
    journal: () => ({ records: journal.head.seq, isStopped: commit.stopped.aborted }),
    damages: () => o.upkeep.glance().damagedCount,
    scrub() {
      const { days, percent, last, startedAt } = o.upkeep.glance()
      return { days, percent, since: last?.at ?? startedAt }
    },
    depositsWaiting: o.deposits.waiting,
    connections() {
      const counts: Record<string, number> = { control: 0, bulk: 0 }
      for (const { kind } of o.net.connections()) counts[kind] = (counts[kind] ?? 0) + 1
      return counts
    },
    lanes: o.net.lanesCount,
    hooks: o.hooks.glance,
    mailWaiting: () => o.notices.mail.view().waiting,
  })
  stack.use(reading)
}
