/**
 * The door of the room: send, watch, pause, resume, cancel, and the three protocols by which sites
 * carry it out. What is to be done next is decided by the state (`transfer.ts`), done here.
 */

import type { DryRun, TransferView } from '../../api/shapes.ts'
import {
  type Bundle,
  bundleSignedPrefix,
  encodeBundle,
  neverTravels,
  type Signer,
  signedBytes,
  type Verifier,
} from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import { contentCaps, contentProtocol } from '../../protocol/content.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Email, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import { offerCaps, offerProtocol } from '../../protocol/offer.ts'
import { receiptCaps, receiptProtocol } from '../../protocol/receipt.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents, type Events } from '../base/events.ts'
import type { Packed } from '../bundles/pack.ts'
import type { Proposed } from '../bundles/unpack.ts'
import type { Db } from '../db/db.ts'
import type { Commit } from '../journal/commit.ts'
import type { Store } from '../store/store.ts'
import { openBook } from './book.ts'
import { createDriver } from './driver.ts'
import { createGrants } from './grants.ts'
import { hearOffer, type IncomingNeeds } from './incoming.ts'
import { bundleHash, hearReceipt, type OpenChannel, sayOffer } from './outgoing.ts'
import { type Counters, openProgress } from './progress.ts'
import type { TransferSeals } from './sealed.ts'
import type { Seen } from './seen.ts'
import { createServer, type Throttle } from './send.ts'
import { createTasks } from './tasks.ts'
import { isOver, type StateName, type Transfer, type TransferEvent, taskOf } from './transfer.ts'
import { isFound, type SiteNames, viewTransfer, willTravel } from './view.ts'

/** A person of ours, as far as a transfer needs to know. */
export type Person = { id: UserId; email: Email }

export type TransfersNeeds<Input> = {
  me: SiteId
  commit: Commit
  db: Db
  store: Store
  seen: Seen
  seals: TransferSeals
  clock: Clock
  open: OpenChannel
  throttle: Throttle
  sign: Signer
  verify: Verifier
  names: SiteNames
  /** Whether content of other origin counts as held for this site. */
  shared(site: SiteId): boolean
  /** Faults when nothing may go to, or come from, this site now. */
  mayFlow(site: SiteId): void
  pack(input: Input, by: Person, id: TransferId): Promise<Packed>
  /** Whether this is an active person of ours. */
  isPerson(user: UserId): Promise<boolean>
  recipient: IncomingNeeds['recipient']
  examine: IncomingNeeds['examine']
  propose(bundle: Bundle, transfer: Transfer): Promise<Proposed>
  /**
   * Faults when this site's disk cannot be believed now, such as a volume that is not mounted: then a
   * failure of ours ends no transfer, and the next start takes it up again.
   */
  demandFit(): Promise<void>
  /** A site was caught at something in a conversation that we opened: for the audit. Never throws. */
  suspect(site: SiteId, protocol: string, fault: Fault): Promise<void>
  log(fault: Fault): void
}

/** `over`: it has just ended. `more`: what crossed since the last one. */
export type TransferEvents = {
  type: 'changed'
  id: TransferId
  over: boolean
  more?: Partial<Counters>
}

export type ListTransfers = {
  /** Those that are older than this one. */
  readonly after?: TransferId | undefined
  /** Only those that have this text in a name or a person's address, or as an ID. */
  readonly search?: string | undefined
  /** Only those that have not ended. */
  readonly running?: boolean | undefined
  readonly limit: number
}

export interface Transfers<Input> extends AsyncDisposable {
  readonly events: Events<TransferEvents>
  /** Saved and on its way when it resolves; resolves once the destination has answered, or after a while. */
  send(input: Input, by: Person): Promise<TransferView>
  dryRun(input: Input, by: Person, options: { signal: AbortSignal }): Promise<DryRun>
  /** Newest first. */
  list(of: (transfer: Transfer) => boolean, options: ListTransfers): Promise<TransferView[]>
  /** The record itself, for whoever decides on rights; faults `missing`. */
  need(id: TransferId): Promise<Transfer>
  view(id: TransferId): Promise<TransferView>
  pause(id: TransferId, by: Person): Promise<TransferView>
  resume(id: TransferId, by: Person): Promise<TransferView>
  cancel(id: TransferId, by: Person): Promise<TransferView>
  /** Ends all that moves for a person who was removed; the other sites are told without a name. */
  leave(user: UserId): Promise<void>
  /** Takes up everything unfinished; once, when the site can be reached. */
  start(): Promise<void>
  /** That site is there (again): look at all its transfers now. */
  wakeSite(site: SiteId): Promise<void>
  readonly handlers: readonly {
    protocol: string
    strangers: false
    /** Goes over the connection for content, so that talk stays quick. */
    bulk?: boolean
    caps: typeof offerCaps
    streamsMax: number
    firstMessageMs: number
    run(channel: Channel, options: { signal: AbortSignal }): Promise<void>
  }[]
}

/** How long `send` waits for the destination's first answer, in milliseconds. */
const firstAnswerMs = 20_000
/** Ends told once more at one time; who is not told asks again. */
const retellsMax = 64

export function openTransfers<Input>(needs: TransfersNeeds<Input>): Transfers<Input> {
  const { commit, db, store, clock } = needs
  const progress = openProgress({ db, clock })
  const count = async (id: TransferId) => ({ ...(await progress.load(id)).counters })
  const book = openBook({ commit, db, clock, seals: needs.seals, count })
  const events = createEvents<TransferEvents>()
  const clearing = new Set<Promise<void>>()
  const grants = createGrants({ book, clock, mayFlow: (site) => needs.mayFlow(site) })
  const { throttle } = needs
  const server = createServer({
    ...{ store, clock, progress, throttle },
    grant: (id, { remote }) => grants.grant(id, remote),
    stillGranted: (grant, { remote }) => grants.demandStill(grant, remote),
    log: needs.log,
  })
  const closing = new AbortController()
  const retelling = new Map<TransferId, Promise<void>>()
  const incoming: IncomingNeeds = {
    ...needs,
    book,
    count: (bundle, site, signal) => tasks.count(bundle, site, signal),
    wake: (transfer) => {
      if (isOver(transfer.state) && transfer.told) retell(transfer)
      else driver.wake(transfer)
    },
  }
  const tasks = createTasks({ ...needs, book, progress, incoming })
  const { demandFit, log } = needs
  const driver = createDriver({ book, progress, clock, perform: tasks.perform, demandFit, log })
  book.events.on(({ transfer }) => {
    if (isOver(transfer.state)) server.forget(transfer.id)
    if (isOver(transfer.state) && taskOf(transfer) === undefined) {
      forget(transfer.id)
      if (transfer.direction === 'in') clear(transfer.id)
    }
    events.emit({ type: 'changed', id: transfer.id, over: isOver(transfer.state) })
  })
  progress.events.on(({ id, more }) =>
    events.emit({ type: 'changed', id, over: false, ...(more === undefined ? {} : { more }) }),
  )

  /** One at a time for a transfer, however often it is asked for. */
  function retell(transfer: Transfer): void {
    const { id } = transfer
    if (closing.signal.aborted || retelling.has(id) || retelling.size >= retellsMax) return
    const done = tasks.retell(transfer, closing.signal).finally(() => retelling.delete(id))
    retelling.set(id, done)
  }

  /** What is over is counted no more. A source does nothing in the end that would notice it otherwise. */
  function forget(id: TransferId): void {
    progress.drop(id).catch((thrown) => needs.log(asFault(thrown, 'transfers.forget', id)))
  }

  /** Of what is over nothing is pulled any more, whoever ended it, and no part of a file stays. */
  function clear(id: TransferId): void {
    const done = driver
      .stop(id)
      .then(tidy)
      .catch((thrown) => needs.log(asFault(thrown, 'transfers.clear', id)))
      .finally(() => clearing.delete(done))
    clearing.add(done)
  }

  /** With nothing on its way in, no partial file has a use. */
  async function tidy(): Promise<void> {
    const unfinished = await book.unfinished()
    if (unfinished.some((t) => t.direction === 'in' && !isOver(t.state))) return
    await store.sweepPartials(() => false)
  }

  const view = async (id: TransferId) => viewOf(await book.need(id))

  async function viewOf(transfer: Transfer): Promise<TransferView> {
    const { bundle } = await book.bundle(transfer.id)
    return viewTransfer(transfer, bundle, await progress.load(transfer.id), needs.names)
  }

  async function steer(
    id: TransferId,
    by: Person,
    event: TransferEvent & { type: 'pause' | 'resume' | 'cancel' },
  ) {
    const before = await book.need(id)
    const after = await book.apply(id, event, { user: by.id })
    // It may have moved by itself in between: what was asked for must be what happened.
    const fits = steered[event.type].to.includes(after.state.at)
    if (!fits || after.state.at === before.state.at) {
      throw new Fault('conflict', `transfers.${event.type}`, {
        about: id,
        text: `The transfer is ${after.state.at}; it cannot be ${steered[event.type].word} now.`,
      })
    }
    await driver.stop(id)
    driver.wake(after)
    return view(id)
  }

  async function endAll(which: (transfer: Transfer) => boolean): Promise<void> {
    for (const transfer of await book.unfinished()) {
      if (isOver(transfer.state) || !which(transfer)) continue
      const ended = await book.apply(transfer.id, { type: 'cancel', by: 'here' }, 'system')
      await driver.stop(transfer.id)
      driver.wake(ended)
    }
  }

  const handler = { strangers: false as const, streamsMax: 8, firstMessageMs: 30_000 }

  return {
    events,
    need: book.need,
    view,
    pause: (id, by) => steer(id, by, { type: 'pause' }),
    resume: (id, by) => steer(id, by, { type: 'resume' }),
    cancel: (id, by) => steer(id, by, { type: 'cancel', by: 'here' }),
    async send(input, by) {
      const id = newId()
      const packed = await needs.pack(input, by, id)
      const bytes = encodeBundle(packed.bundle)
      const signature = await needs.sign(signedBytes(bundleSignedPrefix, bytes))
      const at = clock.now()
      const transfer: Transfer = {
        id,
        direction: 'out',
        site: packed.site,
        connection: packed.connection,
        user: by.id,
        email: by.email,
        person: packed.person,
        dest: packed.dest,
        allow: packed.allow,
        bundle: bundleHash(bytes),
        createdAt: at,
        since: at,
        state: { at: 'waiting' },
        receipts: [],
        dataset: packed.dataset,
        workflows: packed.workflows,
        theirWorkflows: [],
        told: false,
      }
      const kept = { bundle: packed.bundle, signature: Buffer.from(signature).toString('base64') }
      await book.make(transfer, kept, { user: by.id })
      const answered = firstAnswer(id)
      driver.wake(transfer)
      await answered
      return view(id)
    },
    async dryRun(input, by, { signal }) {
      const id = newId()
      const { bundle, site, dest, flagged } = await needs.pack(input, by, id)
      needs.mayFlow(site)
      const bytes = encodeBundle(bundle)
      const signature = await needs.sign(signedBytes(bundleSignedPrefix, bytes))
      using _grant = grants.dry(id, site, bundle)
      const offer = { bundle: bytes, signature, dest, dry: true, allow: true }
      const counted = await sayOffer(needs, site, offer, signal)
      if (counted.type !== 'counted') throw new Fault('invalid', 'offer.dry', { side: 'there' })
      return {
        files: counted.files,
        bytes: counted.bytes,
        held: { files: counted.heldFiles, bytes: counted.heldBytes },
        binding: counted.binding,
        flagged: await flagged(),
        will: willTravel(bundle),
        willNot: [...neverTravels],
      }
    },
    async list(of, { after, search, running = false, limit }) {
      const views: TransferView[] = []
      const from = after === undefined ? undefined : await book.need(after)
      for await (const transfer of running ? book.running(from) : book.list({ after: from })) {
        if (!of(transfer)) continue
        const view = await viewOf(transfer)
        if (search !== undefined && !isFound(view, search)) continue
        views.push(view)
        if (views.length >= limit) break
      }
      return views
    },
    leave: (user) => endAll((transfer) => transfer.user === user),
    async start() {
      await tidy()
      await book.sealOld()
      // What a crash left between the end of a person and the end of what moved for them.
      const gone = new Set<UserId>()
      for (const { user } of await book.unfinished())
        if (!(await needs.isPerson(user))) gone.add(user)
      await endAll(({ user }) => gone.has(user))
      for (const transfer of await book.unfinished()) driver.wake(transfer)
    },
    async wakeSite(site) {
      for (const transfer of await book.unfinished())
        if (transfer.site === site) driver.wake(transfer)
    },
    handlers: [
      {
        ...handler,
        protocol: offerProtocol,
        caps: offerCaps,
        run: (c, { signal }) => hearOffer(incoming, checked(c), signal),
      },
      {
        ...handler,
        bulk: true,
        protocol: contentProtocol,
        caps: contentCaps,
        run: (c, options) => server.run(c, options),
      },
      {
        ...handler,
        protocol: receiptProtocol,
        caps: receiptCaps,
        run: (c, { signal }) => hearReceipt({ book, verify: needs.verify }, c, signal),
      },
    ],
    async [Symbol.asyncDispose]() {
      closing.abort(new Fault('gone', 'transfers.close', { text: 'The site is stopping.' }))
      await driver[Symbol.asyncDispose]()
      await Promise.all([...clearing, ...retelling.values()])
    },
  }

  /** Resolves with the destination's first answer, the first trouble on the way to it, or after a while. */
  async function firstAnswer(id: TransferId): Promise<void> {
    const enough = new AbortController()
    using _deadline = clock.after(firstAnswerMs, () => enough.abort())
    const signal = AbortSignal.any([enough.signal, closing.signal])
    const moved = book.events.until(
      (e) => e.transfer.id === id && e.transfer.state.at !== 'waiting',
      { signal },
    )
    const troubled = progress.events.until((e) => e.id === id && e.troubled, { signal })
    // Without either it simply goes on in the background.
    await Promise.race([moved, troubled]).catch(() => {})
    enough.abort()
    await Promise.allSettled([moved, troubled])
  }

  function checked(channel: Channel): Channel {
    needs.mayFlow(channel.remote)
    return channel
  }

  function newId(): TransferId {
    return Buffer.from(clock.random(16)).toString('hex') as TransferId
  }
}

/** In words, and the states it leads to. */
const steered: Record<'pause' | 'resume' | 'cancel', { word: string; to: readonly StateName[] }> = {
  pause: { word: 'paused', to: ['paused'] },
  resume: { word: 'resumed', to: ['waiting', 'moving'] },
  cancel: { word: 'cancelled', to: ['cancelled'] },
}
