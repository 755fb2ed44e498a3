/**
 * Sites on one manual clock, each with its own real journal and index, joined by lines in memory that
 * can be cut. Everything but the network is what a real site runs.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Handler, Open } from '../../node/base/call.ts'
import { createManualClock, type ManualClock } from '../../node/base/clock.ts'
import { openDb, removeDb } from '../../node/db/db.ts'
import { type Commit, openCommit } from '../../node/journal/commit.ts'
import { openJournal } from '../../node/journal/journal.ts'
import { connectionFolds } from '../../node/people/connection.ts'
import { type Connections, openConnections } from '../../node/people/connections.ts'
import { openSeals } from '../../node/people/seals.ts'
import { openUsers, type Users, userFolds } from '../../node/people/users.ts'
import { invitationFolds, linkFolds } from '../../node/sites/link.ts'
import { type Links, openLinks } from '../../node/sites/links.ts'
import { type Carrier, createCarrierPair, createChannel } from '../../protocol/channel.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import { type ProjectId, parseSiteId, type SiteId, type UserId } from '../../protocol/ids.ts'

export type Name = 'oslo' | 'kyoto' | 'lima' | `site${number}`

export const administrator = { user: 1 as UserId }

export type Site = {
  readonly name: Name
  readonly site: SiteId
  /** Present addresses; change them and the old ones lead nowhere. */
  addresses: string[]
  /** Whether anybody can be reached from here, or reach here. */
  up: boolean
  links: Links
  connections: Connections
  users: Users
  commit: Commit
}

export interface Town extends AsyncDisposable {
  readonly clock: ManualClock
  readonly oslo: Site
  readonly kyoto: Site
  readonly lima: Site
  add(name: Name): Promise<Site>
  /** Stops and starts it; with `forget` its index is thrown away in between. */
  restart(site: Site, o?: { forget?: boolean; quiet?: boolean }): Promise<void>
  /** Lets time go on until it is so. */
  until(what: string, isSo: () => boolean): Promise<void>
  /** Every message that arrived, as `from→to protocol`. */
  readonly traffic: string[]
  /** Asked for each exchange: what gets lost of it. Undefined: nothing. */
  lose: (from: Site, to: Site, protocol: string) => 'ask' | 'answer' | undefined
  /** Cuts the lines on which `site` has yet to answer the other, as it does itself when a link ends. */
  hangUp(site: Site, other: SiteId): void
  /** As this site, whoever it is, straight at the other's door. */
  openAs(from: SiteId, to: Site): Open
}

export async function openTown(): Promise<Town> {
  const clock = createManualClock(Date.UTC(2026, 0, 5))
  const folder = await mkdtemp(join(tmpdir(), 'crossload-town-'))
  const sites: Site[] = []
  const running = new Map<Site, AsyncDisposableStack>()
  const traffic: string[] = []
  /** Lines on which an answer is still to come. */
  const lines = new Set<{ target: Site; from: SiteId; carrier: Carrier }>()

  function openFrom(
    from: { site: SiteId; up: boolean },
    lose: (to: Site, protocol: string) => string | undefined,
  ): Open {
    return async (to, protocol, options) => {
      options?.signal?.throwIfAborted()
      const target = sites.find((one) =>
        'site' in to
          ? one.site === to.site && to.addresses.some((address) => one.addresses.includes(address))
          : one.addresses.includes(to.address),
      )
      if (target === undefined || !target.up || !from.up) throw cut()
      if (target.links.isRefused(from.site)) throw cut()
      const handlers = [...target.links.handlers, ...target.connections.handlers]
      const handler = handlers.find((one) => one.protocol === protocol)
      const lost = lose(target, protocol)
      const [near, far] = createCarrierPair(from.site, target.site)
      const mayIn = handler?.strangers || target.links.isAccepted(from.site)
      if (handler === undefined || !mayIn || lost === 'ask') far.abort(cut())
      else {
        traffic.push(`${nameOf(from.site)}→${target.name} ${protocol}`)
        const line = { target, from: from.site, carrier: lost === 'answer' ? mute(far) : far }
        lines.add(line)
        void answer(handler, line.carrier, () => lines.delete(line))
      }
      return createChannel(near, handler?.caps ?? { headBytesMax: 4096, bodyBytesMax: 0 })
    }
  }

  async function answer(handler: Handler, carrier: Carrier, done: () => void): Promise<void> {
    const closeWrite = () => {
      done()
      return carrier.closeWrite()
    }
    const channel = createChannel({ ...carrier, closeWrite }, handler.caps)
    try {
      await handler.run(channel, { signal: new AbortController().signal })
    } catch (thrown) {
      await channel.refuse(asFault(thrown, 'town.answer')).catch(() => {})
    }
  }

  function hangUp(site: Site, other: SiteId): void {
    for (const line of lines) {
      if (line.target === site && line.from === other) line.carrier.abort(cut())
    }
  }

  const nameOf = (site: SiteId) => sites.find((one) => one.site === site)?.name ?? 'stranger'

  async function start(site: Site, create: boolean, quiet: boolean): Promise<void> {
    const stack = new AsyncDisposableStack()
    running.set(site, stack)
    const home = join(folder, site.name)
    const journal = stack.use(await openJournal({ folder: join(home, 'journal'), clock, create }))
    const isNew = create || !(await hasIndex(join(home, 'index')))
    const db = stack.use(await openDb({ folder: join(home, 'index'), create: isNew }))
    const folds = { ...linkFolds, ...invitationFolds, ...connectionFolds, ...userFolds(() => []) }
    const commit = await openCommit({ journal, db, folds })
    const open = openFrom(site, (to, protocol) => town.lose(site, to, protocol))
    const personalProject = async () => ({ id: 1 as ProjectId })
    const seals = await openSeals({ folder: join(home, 'people'), clock })
    const users = await openUsers({ commit, db, seals, personalProject })
    const me = () => ({ name: site.name, addresses: site.addresses })
    const links = stack.use(await openLinks({ commit, db, clock, identity: site, me, open }))
    const connections = stack.use(
      await openConnections({ commit, db, clock, links, users, seals, open }),
    )
    Object.assign(site, { links, connections, users, commit })
    links.events.on((news) => {
      const ended = news.type === 'link' && news.was === 'accepted' && news.link.at !== 'accepted'
      if (ended) hangUp(site, news.link.site)
    })
    if (quiet) return
    links.announce()
    connections.announce()
  }

  async function add(name: Name): Promise<Site> {
    // Some key; the letter is its number, so that every site has another.
    const letter = String.fromCharCode('A'.charCodeAt(0) + sites.length)
    const site = {
      name,
      site: parseSiteId(`12D3KooW${letter.repeat(44)}`),
      addresses: [`/dns4/${name}.example/tcp/4001`],
      up: true,
    } as Site
    await start(site, true, false)
    sites.push(site)
    return site
  }

  const town: Town = {
    clock,
    traffic,
    lose: () => undefined,
    add,
    hangUp,
    openAs: (from, to) => {
      const open = openFrom({ site: from, up: true }, () => undefined)
      return (_to, protocol, options) =>
        open({ site: to.site, addresses: to.addresses }, protocol, options)
    },
    async restart(site, o = {}) {
      await running.get(site)!.disposeAsync()
      if (o.forget) await removeDb(join(folder, site.name, 'index'))
      await start(site, false, o.quiet ?? false)
    },
    async until(what, isSo) {
      const deadline = performance.now() + 15_000
      while (!isSo()) {
        if (performance.now() > deadline) throw new Error(`It never came to this: ${what}`)
        await clock.advance(5)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const stack of running.values()) await stack.disposeAsync()
      await rm(folder, { recursive: true, force: true })
    },
    ...({} as Pick<Town, 'oslo' | 'kyoto' | 'lima'>),
  }
  return Object.assign(town, {
    oslo: await add('oslo'),
    kyoto: await add('kyoto'),
    lima: await add('lima'),
  })
}

async function hasIndex(folder: string): Promise<boolean> {
  const { access } = await import('node:fs/promises')
  return access(folder).then(
    () => true,
    () => false,
  )
}

/** A line on which nothing comes back. */
function mute(carrier: Carrier): Carrier {
  return { ...carrier, write: async () => carrier.abort(cut()) }
}

function cut(): Fault {
  return new Fault('unreachable', 'town.line', { side: 'between' })
}

/** Two sites whose link is accepted by invitation, and quiet again. */
export async function linked(town: Town, a: Site, b: Site): Promise<void> {
  const { text } = await a.links.invite({ by: administrator })
  await b.links.redeem(text, { by: administrator })
  await settled(town, a, b)
}

/** Until neither has anything left to tell the other. */
export async function settled(town: Town, ...sites: Site[]): Promise<void> {
  await town.until('everything is told', () =>
    sites.every((site) => site.links.list().every((link) => link.told)),
  )
}
