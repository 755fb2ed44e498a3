/**
 * What a transfer's state asks for, done: offer, pull, import, tell. Each resolves when its outcome is
 * saved, and doing it again changes nothing.
 */
import { type Bundle, encodeBundle } from '../../protocol/bundle.ts'
import { contentProtocol } from '../../protocol/content.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { offerProtocol } from '../../protocol/offer.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import type { Store } from '../store/store.ts'
import type { Book } from './book.ts'
import { type IncomingNeeds, makeReceipt, runImport, tellEnd } from './incoming.ts'
import { eventOfAnswer, type OpenChannel, sayCancel, sayOffer, transferTtlMs } from './outgoing.ts'
import type { Progress } from './progress.ts'
import { type Count, countBundle, type OpenContent, pullBundle } from './receive.ts'
import { isReadable } from './sealed.ts'
import type { Seen } from './seen.ts'
import type { Throttle } from './send.ts'
import type { Task, Transfer, TransferEvent } from './transfer.ts'

/** How long telling an end once more may take, in milliseconds. */
const retellMs = 30_000

export interface Tasks {
  perform(task: NonNullable<Task>, transfer: Transfer, signal: AbortSignal): Promise<void>
  /**
   * Tells an end that was told and kept before: the other side has gone back to an older backup. Once,
   * and never throws: who wants to know asks again.
   */
  retell(transfer: Transfer, signal: AbortSignal): Promise<void>
  /** What of a bundle is held; pulls its manifests from the site that offers it. */
  count(bundle: Bundle, site: SiteId, signal: AbortSignal): Promise<Count>
}

export function createTasks(needs: {
  db: Db
  store: Store
  seen: Seen
  throttle: Throttle
  clock: Clock
  book: Book
  progress: Progress
  incoming: IncomingNeeds
  open: OpenChannel
  shared(site: SiteId): boolean
  mayFlow(site: SiteId): void
  suspect(site: SiteId, protocol: string, fault: Fault): Promise<void>
  log(fault: Fault): void
}): Tasks {
  const { book, progress, clock, incoming, open } = needs

  async function pulling<T>(
    site: SiteId,
    signal: AbortSignal,
    run: (open: OpenContent) => Promise<T>,
  ): Promise<T> {
    try {
      return await run(() => open(site, contentProtocol, { signal, bulk: true }))
    } catch (thrown) {
      await suspect(site, contentProtocol, thrown)
      throw thrown
    }
  }

  /** Only a site that breaks the rules sends what is malformed, or not what its name says. */
  async function suspect(site: SiteId, protocol: string, thrown: unknown): Promise<void> {
    if (!(thrown instanceof Fault)) return
    const { kind, side } = thrown
    const theirs = kind === 'invalid' || (kind === 'corrupt' && side === 'there')
    if (theirs) await needs.suspect(site, protocol, thrown)
  }

  const apply = (transfer: Transfer, event: TransferEvent) =>
    book.apply(transfer.id, event, transfer.direction === 'in' ? { site: transfer.site } : 'system')

  async function offer(transfer: Transfer, signal: AbortSignal): Promise<void> {
    const kept = await book.bundle(transfer.id)
    if (!isReadable(transfer)) throw unreadable(transfer)
    const signature = Buffer.from(kept.signature, 'base64')
    const { dest, allow } = transfer
    const said = { bundle: encodeBundle(kept.bundle), signature, dest, dry: false, allow }
    await apply(transfer, eventOfAnswer(await sayOffer(needs, transfer.site, said, signal)))
  }

  /** The key may come back from a backup: until then it waits, and is not refused for a name that is wrong. */
  function unreadable({ id, user }: Transfer): Fault {
    return new Fault('busy', 'transfers.offer', {
      about: id,
      text: `The key of person ${user} is missing, so it cannot be said whose transfer this is. Put people/${user}.key back from a backup and start the site again; or cancel the transfer.`,
    })
  }

  async function pull(transfer: Transfer, signal: AbortSignal): Promise<void> {
    const { bundle } = await book.bundle(transfer.id)
    using _session = progress.session(transfer.id)
    await pulling(transfer.site, signal, (content) =>
      pullBundle(needs, transfer, bundle, content, signal),
    )
    await progress.save(transfer.id)
    const receipt = await makeReceipt(incoming, transfer, bundle)
    await apply(transfer, { type: 'received', receipt })
  }

  async function bring(transfer: Transfer): Promise<void> {
    try {
      await runImport(incoming, transfer)
    } catch (thrown) {
      await suspect(transfer.site, offerProtocol, thrown)
      throw thrown
    }
  }

  async function tell(transfer: Transfer, signal: AbortSignal): Promise<void> {
    const enough = clock.now() > transfer.since + transferTtlMs
    try {
      if (!enough && transfer.direction === 'out')
        await sayCancel(needs, transfer.site, transfer.id, signal)
      else if (!enough) await tellEnd(incoming, transfer, signal)
    } catch (thrown) {
      const fault = asFault(thrown, 'transfers.tell')
      // A plain no from the other side is an answer; only silence is asked again.
      if (fault.again || fault.side !== 'there') throw thrown
      needs.log(fault)
    }
    await apply(transfer, { type: 'told' })
  }

  return {
    async perform(task, transfer, signal) {
      if (task === 'tell') return tell(transfer, signal)
      needs.mayFlow(transfer.site)
      await progress.open(transfer.id)
      if (task === 'offer') return offer(transfer, signal)
      if (task === 'pull') return pull(transfer, signal)
      return bring(transfer)
    },
    async retell(transfer, signal) {
      if (transfer.direction === 'out') return
      const late = new AbortController()
      const why = () => new Fault('unreachable', 'transfers.retell', { about: transfer.id })
      using _deadline = clock.after(retellMs, () => late.abort(why()))
      await tellEnd(incoming, transfer, AbortSignal.any([signal, late.signal])).catch((thrown) =>
        needs.log(asFault(thrown, 'transfers.retell')),
      )
    },
    count: (bundle, site, signal) =>
      pulling(site, signal, (content) => countBundle(needs, site, bundle, content, signal)),
  }
}
