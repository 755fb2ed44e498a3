/** Which linked sites do not answer, and since when: told by whoever dials them, polled by nobody. */
import { Gauge, type Registry } from 'prom-client'
import type { SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'

export type LinkAt = { readonly site: SiteId; readonly alias: string; readonly at: string }

export type Reach = {
  reached(site: SiteId): void
  notReached(site: SiteId): void
  gather(): void
}

export function countReach(
  registry: Registry,
  o: { clock: Clock; links(): readonly LinkAt[] },
): Reach {
  const registers = [registry]
  const since = new Map<SiteId, number>()
  const states = new Gauge({
    name: 'crossload_links',
    help: 'Links to other sites, by state.',
    labelNames: ['state'],
    registers,
  })
  const unreachable = new Gauge({
    name: 'crossload_link_unreachable_seconds',
    help: 'How long every try to reach an accepted site has failed; 0 when the last one did not.',
    labelNames: ['link'],
    registers,
  })
  return {
    reached: (site) => void since.delete(site),
    notReached(site) {
      if (!since.has(site)) since.set(site, o.clock.now())
    },
    gather() {
      states.reset()
      unreachable.reset()
      const accepted = new Set<SiteId>()
      for (const { site, alias, at } of o.links()) {
        states.inc({ state: at })
        if (at !== 'accepted') continue
        accepted.add(site)
        const from = since.get(site)
        const ms = from === undefined ? 0 : o.clock.now() - from
        unreachable.set({ link: alias }, Math.max(0, ms) / 1000)
      }
      for (const site of since.keys()) if (!accepted.has(site)) since.delete(site)
    },
  }
}
