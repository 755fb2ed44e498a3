/**
 * A running site: every room, opened in order, introduced to one another, closed in reverse. The only
 * file that knows them all.
 */
import { fileURLToPath } from 'node:url'
import type { SendInput } from '../api/shapes.ts'
import { asFault, Fault, toWireFault } from '../protocol/fault.ts'
import { parseEmail, type SiteId, type UserId } from '../protocol/ids.ts'
import { laneProtocol } from '../protocol/lane.ts'
import { createAudit } from './audit.ts'
import type { Clock } from './base/clock.ts'
import { createAddressBook } from './bundles/addressee.ts'
import { pack } from './bundles/pack.ts'
import { createUnpacker } from './bundles/unpack.ts'
import { versionOf } from './catalog/dataset.ts'
import { openHoldings } from './catalog/holdings.ts'
import { type Config, defaultScrubDays, type Home, httpAddress } from './config.ts'
import { openDeposits } from './deposit/deposits.ts'
import { createDepositsDoor, withDeposits } from './deposit-views.ts'
import { openHooks } from './hooks/hooks.ts'
import type { Doors, SiteDoor } from './http/doors.ts'
import { openHttp } from './http/http.ts'
import type { Log } from './http/log.ts'
import { createTickets } from './http/tickets.ts'
import { openLogFile } from './journal/log-file.ts'
import { openLimits } from './limits/limits.ts'
import { isLocalAddress } from './limits/local.ts'
import { openLogin } from './login/login.ts'
import { createLookup, unlessMissing } from './looked-up.ts'
import { measuredDial, measuredThrottle, watchRooms } from './measured.ts'
import { type Metrics, openMetrics } from './metrics/metrics.ts'
import { type Limits as NetLimits, limits as netLimits } from './net/limits.ts'
import { type Net, type NetHandler, type NetLog, openNet } from './net/net.ts'
import { openNotices } from './notices/notices.ts'
import { readMailSettings } from './notices/settings.ts'
import { openConnections } from './people/connections.ts'
import { frees, isArriving, pinsIn, pinsOf, sourcesOf } from './pinned.ts'
import { demandMarker, openRooms } from './rooms.ts'
import { settingsOf } from './settings.ts'
import { createSiteDoor } from './site-door.ts'
import { verifySignature } from './sites/identity.ts'
import { type Links, openLinks } from './sites/links.ts'
import { isShared, openLink } from './sites/policy.ts'
import { openSeen, rebuildSeen } from './transfers/seen.ts'
import { isOver } from './transfers/transfer.ts'
import { openTransfers } from './transfers/transfers.ts'
import { during } from './upkeep/guard.ts'
import { openUpkeep } from './upkeep/upkeep.ts'
import { openUploads } from './uploads/uploads.ts'

export const version = '0.1.0'
/** The console, as `npm run build` leaves it. */
const consoleFolder = fileURLToPath(new URL('../web/dist', import.meta.url))
/** How often the store's identity is looked at while the site runs, in milliseconds. */
const markerEveryMs = 60_000

export interface Site extends AsyncDisposable {
  readonly site: SiteId
  readonly url: string
  readonly addresses: string[]
  /** HOST:PORT where direct lanes are taken. */
  readonly lane: string | undefined
  readonly rebuilt: false | 'missing' | 'broken'
  /** Aborts with a fault when the site can no longer be trusted with a change: it must be closed. */
  readonly failed: AbortSignal
}

export async function openSite(o: {
  home: Home
  config: Config
  clock: Clock
  pid: number
  log: Log & NetLog
}): Promise<Site> {
  const { home, config, clock, log } = o
  await using stack = new AsyncDisposableStack()
  const logFault = (fault: Fault) => {
    metrics.faultSeen(fault.kind)
    const { kind, op, about, cause } = fault
    log.warn({ kind, op, about, err: cause }, fault.message)
  }
  let listLinks: Links['list'] = () => []
  const metrics: Metrics = openMetrics({
    ...{ clock, version },
    links: () => listLinks(),
    failed: (thrown) => logFault(asFault(thrown, 'metrics.read')),
  })
  const rooms = await openRooms(stack, {
    ...{ home, clock, pid: o.pid, create: false },
    openFile: metrics.timeFlushes(openLogFile),
  })
  const { commit, db, store, identity, users, tokens, accounts, datasets, workflows, projects } =
    rooms
  for (const { fault } of users.unreadable()) logFault(fault)
  const failed = new AbortController()
  const fail = (thrown: unknown) => failed.abort(asFault(thrown, 'site.run'))
  commit.stopped.addEventListener('abort', () => fail(commit.stopped.reason), { once: true })
  const startedAt = clock.now()

  // Links and connections dial through the net, and the net asks them whom to let in: so they come
  // first and are given a way that the net fills in.
  let net: Net | undefined
  const dial = measuredDial((to, protocol, options) => {
    if (net !== undefined) return net.open(to, protocol, options)
    throw new Fault('busy', 'net.open', { text: 'The site is starting.' })
  }, metrics.links)
  const speaks = () => [...handlers.map(({ protocol }) => protocol), laneProtocol]
  const me = () => ({ name: config.name, addresses: net?.addresses() ?? [] })
  const links = stack.use(await openLinks({ commit, db, clock, identity, me, speaks, open: dial }))
  listLinks = links.list
  const connections = stack.use(
    await openConnections({ commit, db, clock, links, users, seals: rooms.seals, open: dial }),
  )
  const names = {
    me: { site: identity.site, name: config.name },
    of: (site: SiteId) => {
      const link = links.bySite(site)
      return link === undefined ? { name: site } : { alias: link.alias, name: link.name }
    },
  }
  const audit = createAudit({
    ...{ commit, clock, log },
    isLinked: (site) => links.bySite(site) !== undefined,
  })
  const limits = stack.use(
    await openLimits({
      ...{ commit, db, clock, log: logFault },
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      linkOf: (site) => links.bySite(site)?.id,
      isLocal(site) {
        const theirs = (net?.connections() ?? []).filter((one) => one.site === site)
        return theirs.length > 0 && theirs.every(({ address }) => isLocalAddress(address))
      },
      async isOver(scope): Promise<boolean> {
        if (scope.of === 'transfer') return isOver((await transfers.need(scope.transfer)).state)
        return scope.of === 'link' && links.list().every(({ id }) => id !== scope.link)
      },
    }),
  )
  const isPerson = async (id: UserId) => (await users.get(id))?.at === 'active'
  const unpacker = createUnpacker({ clock, db, store, users, projects, datasets })
  const seen = openSeen({ db, store })
  const transfers = stack.use(
    openTransfers<SendInput>({
      me: identity.site,
      commit,
      db,
      store,
      seals: rooms.seals,
      seen,
      clock,
      names,
      sign: identity.sign,
      verify: verifySignature,
      open: (site, protocol, options) =>
        dial({ site, addresses: links.bySite(site)?.addresses ?? [] }, protocol, options),
      throttle: measuredThrottle(limits.throttle, metrics),
      shared: (site) => isShared(openLink(links.bySite(site), 'transfers.shared')),
      mayFlow: (site) => void openLink(links.bySite(site), 'transfers.flow'),
      async pack(input, by, id) {
        const user = await users.get(by.id)
        if (user === undefined)
          throw new Fault('missing', 'send', { text: 'There is no such person at this site.' })
        const addressee = createAddressBook(links, connections)
        return pack(
          { me: identity.site, clock, store, datasets, workflows, addressee },
          input,
          user,
          id,
        )
      },
      isPerson,
      recipient: async (site, person, email) => {
        const connection = connections.byIncoming(site, parseEmail(person), parseEmail(email))
        if (connection !== undefined) return { connection: connection.id, user: connection.user }
        throw new Fault('missing', 'offer.recipient', {
          text: `${email} has no accepted connection with ${person}. Ask for one, and send when it is accepted.`,
        })
      },
      examine: unpacker.examine,
      propose: unpacker.propose,
      demandFit: () => demandMarker(home, identity.site),
      suspect: audit.note,
      log: logFault,
    }),
  )
  const deposits = stack.use(
    await openDeposits({
      ...{ commit, db, store, clock, log: logFault },
      async find(id, version) {
        const dataset = await datasets.get(id)
        if (dataset?.at !== 'here') return undefined
        const { tree } = versionOf(dataset, version)
        return {
          name: dataset.name,
          tree,
          deposit: (await projects.get(dataset.project))?.deposit,
        }
      },
    }),
  )
  // Before anybody is heard: what is offered is weighed against it.
  if ((await rebuildSeen({ db, store, seen, log: logFault })) > 0)
    log.info({}, 'what other sites sent before is known again')
  const handlers: NetHandler[] = [...links.handlers, ...connections.handlers, ...transfers.handlers]
  net = stack.use(
    await openNet({
      identity,
      clock,
      listen: config.listen,
      announce: config.announce,
      lane: config.lane,
      limits: silenceLimits(config.silenceMs),
      isAccepted: (site) => links.isAccepted(site),
      isRefused: (site) => links.isRefused(site),
      handlers: handlers.map(audit.watched),
      log,
    }),
  )
  const running = net
  const wake = (site: SiteId) =>
    void transfers
      .wakeSite(site)
      .catch((thrown) => logFault(asFault(thrown, 'transfers.wake', site)))
  links.events.on((news) => {
    if (news.type === 'reached') wake(news.site)
    if (news.type !== 'link') return
    const { site, at } = news.link
    if (at === 'removed') limits.look({ of: 'link', link: news.link.id })
    if (at === 'accepted') wake(site)
    else if (news.was === 'accepted') running.hangUp(site)
  })
  transfers.events.on(({ id }) => limits.look({ of: 'transfer', transfer: id }))
  const upkeep = stack.use(
    await openUpkeep({
      ...{ commit, db, clock, pinsIn, frees },
      guard: rooms.guard,
      store: rooms.disk,
      scrubDays: config.scrubDays ?? defaultScrubDays,
      pins: () => pinsOf(db),
      arriving: () => isArriving(db),
      sources: (asked) => sourcesOf({ db, store: rooms.disk }, names, asked),
      log: logFault,
    }),
  )
  const hooks = stack.use(
    await openHooks({
      ...{ commit, db, clock, journal: rooms.journal, site: identity.site, log: logFault },
      folder: home.hooks,
      allowed: config.hooks?.allow ?? [],
      tried: metrics.hookTried,
    }),
  )
  /** Known when it listens; nobody is told anything before. */
  let address = ''
  const notices = stack.use(
    await openNotices({
      ...{ commit, db, clock, users, journal: rooms.journal, log: logFault },
      look: createLookup({ transfers, connections, links, hooks, users }),
      moving: transfers.events,
      transfer: (id) => unlessMissing(() => transfers.need(id)),
      settings: config.mail && (await readMailSettings(config.mail)),
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      sender: () => ({ name: config.name, url: config.url ?? address }),
      mailed: metrics.mailed,
    }),
  )
  await watchRooms(stack, metrics, {
    ...{ home, rooms, net, links, transfers, deposits, upkeep, hooks, notices },
  })
  const site = createSiteDoor(rooms, upkeep, {
    facts: () => ({
      site: identity.site,
      name: config.name,
      fingerprint: identity.fingerprint,
      addresses: running.addresses(),
      lane: running.lane,
      version,
      startedAt,
    }),
    settings: () => settingsOf(config, home),
  })
  const uploads = stack.use(
    await openUploads({
      ...{ folder: home.uploads, clock, log: logFault },
      isPerson,
    }),
  )
  accounts.leaving.add(transfers.leave)
  // Not waited for: what is being made of an upload just now may take its time.
  accounts.leaving.add((user) => void uploads.leave(user))
  const holdings = stack.use(openHoldings({ db, store, clock, datasets, log: logFault }))
  // What is sent is chosen first and named last, as what is added.
  const sending = during(rooms.guard, transfers, ['send', 'dryRun'])
  const login =
    config.login &&
    openLogin({
      institution: config.login,
      ...{ clock, users, bindings: rooms.bindings, groups: rooms.groups, log: logFault },
    })
  const doors: Doors = {
    ...{
      site,
      asked: rooms.asked,
      upkeep,
      users,
      tokens,
      accounts,
      groups: rooms.groups,
      bindings: rooms.bindings,
      login,
      links,
      connections,
      projects,
      datasets,
      workflows,
      limits,
      metrics,
      hooks,
      notices,
      uploads,
      holdings,
    },
    tickets: createTickets(clock),
    transfers: withDeposits(sending, deposits),
    deposits: createDepositsDoor(deposits, async (id) => (await datasets.get(id))?.project),
  }
  const http = stack.use(
    await openHttp({
      doors,
      home: home.folder,
      folders: config.folders,
      pages: consoleFolder,
      questionMs: config.questionMs,
      ...httpAddress(config),
      url: config.url,
      clock,
      log,
      counts: metrics.answers,
    }),
  )

  links.announce()
  connections.announce()
  await transfers.start()
  await upkeep.start()
  await limits.sweep()
  address = http.url
  await notices.start()

  // A look that cannot be had just now, with too many files open, says nothing about the store.
  const look = () =>
    demandMarker(home, identity.site).catch((thrown) => {
      const fault = asFault(thrown, 'site.run')
      if (fault.again) logFault(fault)
      else fail(fault)
    })
  stack.use(clock.every(markerEveryMs, () => void look()))
  const rest = stack.move()
  return {
    site: identity.site,
    url: http.url,
    addresses: running.addresses(),
    lane: running.lane,
    rebuilt: rooms.rebuilt,
    failed: failed.signal,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

/** Whoever cannot write waits five times as long: what the system holds drains unseen. */
function silenceLimits(silenceMs: number | undefined): Partial<NetLimits> | undefined {
  if (silenceMs === undefined) return undefined
  const openStreamMs = Math.min(silenceMs, netLimits.openStreamMs)
  return { idleMs: silenceMs, openBehindMs: silenceMs, openStreamMs, stuckMs: 5 * silenceMs }
}

/**
 * A site whose journal, key or store cannot be believed: it answers every question with the reason,
 * opens nothing else and changes nothing.
 */
export async function openSafeMode(o: {
  home: Home
  config: Config
  clock: Clock
  log: Log
  fault: Fault
}) {
  const { home, config, clock, log, fault } = o
  const refuse = (): never => {
    throw fault
  }
  const site: SiteDoor = {
    facts: refuse,
    settings: refuse,
    health: () => ({ state: 'safe', fault: toWireFault(fault) }),
    verify: refuse,
    backup: refuse,
    records: refuse,
    latest: refuse,
    verifyJournal: refuse,
  }
  return openHttp({
    doors: { site },
    home: home.folder,
    folders: [],
    ...httpAddress(config),
    url: config.url,
    clock,
    log,
  })
}
