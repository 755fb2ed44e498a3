/**
 * Who may pull what: a transfer's own destination while it goes on, and for a dry run its manifests
 * while it is being counted. Asked at every want, so an answer stands until its transfer moves.
 */
import type { Bundle } from '../../protocol/bundle.ts'
import type { SiteId, TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Book } from './book.ts'
import { grantOf, transferTtlMs } from './outgoing.ts'
import type { Grant } from './send.ts'

export interface Grants {
  /** Faults when this site has no such grant: `missing`, `busy` while it is paused, `gone`. */
  grant(id: TransferId, site: SiteId): Promise<Grant>
  /** Faults when it holds no longer. */
  demandStill(grant: Grant, site: SiteId): Promise<void>
  /** Grants the manifests of a bundle to this site, until disposed. */
  dry(id: TransferId, site: SiteId, bundle: Bundle): Disposable
}

export function createGrants(needs: {
  book: Book
  clock: Clock
  /** Faults when nothing may go to this site now. */
  mayFlow(site: SiteId): void
}): Grants {
  const { book, clock, mayFlow } = needs
  const dryRuns = new Map<TransferId, { site: SiteId; bundle: Bundle }>()
  const standing = new Map<TransferId, { site: SiteId; endsAt: number }>()
  let moves = 0
  book.events.on(({ transfer }) => {
    moves++
    standing.delete(transfer.id)
  })

  async function demand(id: TransferId, site: SiteId): Promise<void> {
    const known = standing.get(id)
    if (known?.site === site && clock.now() < known.endsAt) return
    const before = moves
    const { createdAt } = await grantOf(book, id, site, clock.now())
    // What moved while it was read may be the very thing.
    if (moves === before) standing.set(id, { site, endsAt: createdAt + transferTtlMs })
  }

  return {
    async grant(id, site) {
      mayFlow(site)
      const dry = dryRuns.get(id)
      if (dry?.site === site) return { transfer: id, bundle: dry.bundle, dry: true }
      await demand(id, site)
      return { transfer: id, bundle: (await book.bundle(id)).bundle, dry: false }
    },
    async demandStill({ transfer, dry }, site) {
      mayFlow(site)
      if (!dry || !dryRuns.has(transfer)) await demand(transfer, site)
    },
    dry(id, site, bundle) {
      dryRuns.set(id, { site, bundle })
      return { [Symbol.dispose]: () => void dryRuns.delete(id) }
    },
  }
}
