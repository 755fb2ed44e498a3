/**
 * Transfers as they move. The path of content only adds to plain numbers here; they become metrics
 * when somebody asks.
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { SiteId, TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { LinkAt } from './reach.ts'

type Direction = 'out' | 'in'

/** As much of a transfer as is counted. */
export type Known = {
  readonly id: TransferId
  readonly direction: Direction
  readonly site: SiteId
  readonly state: { readonly at: string }
}

/** What crossed since it was told last, of content and of manifests. */
export type More = { readonly sent?: number; readonly received?: number; readonly nodes?: number }

export type Moving = {
  /** A transfer is in this state now. `ended`: nothing leaves it. */
  moved(transfer: Known, ended: boolean): void
  crossed(id: TransferId, more: More): void
  /** A limit that people set held a transfer back; call the answer when it goes on. */
  heldBack(id: TransferId, direction: Direction): () => void
  gather(): void
}

const directions = ['out', 'in'] as const
const endings = ['done', 'refused', 'failed', 'cancelled']

type Entry = Omit<Known, 'state'> & { state: string; quietSince: number; heldBack: number }

export function countMoving(
  registry: Registry,
  o: { clock: Clock; links(): readonly LinkAt[] },
): Moving {
  const registers = [registry]
  const { clock } = o
  const linkOf = (site: SiteId) => o.links().find((link) => link.site === site)?.alias ?? 'removed'
  const going = new Map<TransferId, Entry>()
  /** By site and direction; a label is made of it when it is shown. */
  const bytes = new Map<SiteId, Record<Direction, number>>()

  const states = new Gauge({
    name: 'crossload_transfers',
    help: 'Transfers that are not over, by direction and state.',
    labelNames: ['direction', 'state'],
    registers,
  })
  const ended = new Counter({
    name: 'crossload_transfers_ended_total',
    help: 'Transfers that ended since the start, by link, direction and how.',
    labelNames: ['link', 'direction', 'state'],
    registers,
  })
  const quiet = new Gauge({
    name: 'crossload_transfer_quiet_seconds',
    help: 'How long the quietest moving transfer has brought nothing; those that a limit of ours holds back do not count.',
    labelNames: ['direction'],
    registers,
  })
  const content = new Counter({
    name: 'crossload_content_bytes_total',
    help: 'Bytes of content that crossed since the start, repeats included, by link and direction.',
    labelNames: ['link', 'direction'],
    registers,
  })
  const waits = new Counter({
    name: 'crossload_limit_waits_total',
    help: 'Times that a limit which people set held content back.',
    labelNames: ['direction'],
    registers,
  })
  const waited = new Counter({
    name: 'crossload_limit_wait_seconds_total',
    help: 'Seconds that content was held back by limits, all transfers together.',
    labelNames: ['direction'],
    registers,
  })

  return {
    moved({ id, direction, site, state: { at } }, isEnded) {
      const entry = going.get(id)
      if (isEnded) {
        // The end is recorded once more when the other side has heard of it; it counts once.
        if (going.delete(id)) ended.inc({ link: linkOf(site), direction, state: at })
        return
      }
      const quietSince = clock.now()
      if (entry === undefined)
        going.set(id, { id, direction, site, state: at, quietSince, heldBack: 0 })
      else Object.assign(entry, { state: at, quietSince })
    },
    crossed(id, { sent = 0, received = 0, nodes = 0 }) {
      const entry = going.get(id)
      if (entry === undefined || sent + received + nodes === 0) return
      entry.quietSince = clock.now()
      const of = bytes.get(entry.site) ?? { out: 0, in: 0 }
      bytes.set(entry.site, of)
      of.out += sent
      of.in += received
    },
    heldBack(id, direction) {
      const since = clock.now()
      const entry = going.get(id)
      if (entry !== undefined) entry.heldBack++
      return () => {
        const now = clock.now()
        waits.inc({ direction })
        waited.inc({ direction }, Math.max(0, now - since) / 1000)
        if (entry === undefined) return
        entry.heldBack--
        entry.quietSince = now
      }
    },
    gather() {
      const now = clock.now()
      states.reset()
      // What has not happened yet is told as 0, so that its first time is seen as an increase.
      for (const { alias: link, at } of o.links()) {
        if (at !== 'accepted') continue
        for (const direction of directions) {
          content.inc({ link, direction }, 0)
          for (const state of endings) ended.inc({ link, direction, state }, 0)
        }
      }
      const longest: Record<Direction, number> = { out: 0, in: 0 }
      for (const { direction, state, quietSince, heldBack } of going.values()) {
        states.inc({ direction, state })
        if (state !== 'moving' || heldBack > 0) continue
        longest[direction] = Math.max(longest[direction], now - quietSince)
      }
      for (const direction of directions) quiet.set({ direction }, longest[direction] / 1000)
      for (const [site, of] of bytes) {
        const link = linkOf(site)
        if (of.out > 0) content.inc({ link, direction: 'out' }, of.out)
        if (of.in > 0) content.inc({ link, direction: 'in' }, of.in)
      }
      bytes.clear()
    },
  }
}
