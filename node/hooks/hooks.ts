/**
 * The door of the room: other programs are told what happened, by HTTP, signed. Each hook has its own
 * place in the journal and its own worker, so what happened while a receiver was away, or while the
 * site was stopped, is told later, in order, and nothing is left out.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor, Journal } from '../journal/journal.ts'
import { tail } from '../journal/tail.ts'
import { type Allowed, parsePlace } from './address.ts'
import type { EventType } from './events.ts'
import { type Delivery, type Hook, type Position, positionChange } from './hook.ts'
import { createPost, type Resolve } from './post.ts'
import { openSecrets } from './secrets.ts'
import { startWorker, tryOnce, type Worker, type WorkerNeeds } from './worker.ts'

/** Hooks that a site may have. */
export const hooksMax = 20

export type HookNow = { readonly hook: Hook; readonly position: Position }

export interface Hooks extends AsyncDisposable {
  list(): HookNow[]
  /**
   * Is told what happens from now on; the secret's one and only showing. Faults `invalid` where it may
   * not lead, `unreachable` when its name means nothing, `conflict` with `hooksMax` or the same again.
   */
  add(
    o: { url: string; events: readonly EventType[] },
    by: Actor,
    options: { signal: AbortSignal },
  ): Promise<HookNow & { secret: string }>
  /** Faults `missing`. */
  remove(id: number, by: Actor): Promise<HookNow>
  /** Tries at once; with `skip` the event that was not taken is left out. Faults `missing`. */
  resume(id: number, o: { skip: boolean }, by: Actor): Promise<HookNow>
  /** One event of the type `test`, tried once. Faults `missing`. */
  test(id: number, options: { signal: AbortSignal }): Promise<Delivery>
  /** How many are in which state, and for how long the worst has taken nothing. */
  glance(): { states: Record<'working' | 'failing' | 'paused', number>; behindMs: number }
}

export type HooksNeeds = {
  readonly commit: Commit
  readonly journal: Pick<Journal, 'read'>
  readonly db: Db
  readonly clock: Clock
  readonly site: SiteId
  /** Where the secrets lie. */
  readonly folder: string
  readonly allowed: Allowed
  /** For tests: another directory of names. */
  readonly resolve?: Resolve | undefined
  tried(outcome: 'delivered' | 'failed'): void
  log(fault: Fault): void
}

export async function openHooks(needs: HooksNeeds): Promise<Hooks> {
  const { commit, journal, db, clock, log } = needs
  const all = new Map<number, { hook: Hook; worker: Worker }>()
  const known: HookNow[] = []
  for await (const { value: hook } of db.list<Hook>(keys.hooks()))
    known.push({ hook, position: (await db.get<Position>(keys.hookAt(hook.id)))! })
  const isThere = (id: number) => known.some(({ hook }) => hook.id === id)
  const secrets = await openSecrets({ folder: needs.folder, clock, isThere })
  const post = createPost(needs)

  function start(hook: Hook, position: Position): HookNow {
    const working: WorkerNeeds = {
      ...{ clock, post, log, site: needs.site, tried: needs.tried, secret: secrets.of },
      records: (after, signal) => tail({ journal, commit, after, signal }),
      save: (at) => db.write([positionChange(at)]),
      keep: (at, paused) => keep(hook, at, paused),
    }
    all.set(hook.id, { hook, worker: startWorker(hook, position, working) })
    return { hook, position }
  }

  async function keep(hook: Hook, position: Position, paused: string | undefined): Promise<void> {
    const moved: Hook = paused === undefined ? hook : { ...hook, paused }
    await commit('hook.moved', 'system', { hook: moved, position })
    if (paused === undefined) return
    const present = all.get(hook.id)
    if (present !== undefined) all.set(hook.id, { ...present, hook: moved })
    const { host } = new URL(hook.url)
    const text = `Webhook ${hook.id} to ${host} rests. ${paused}`
    log(new Fault('gone', 'hooks.rest', { about: hook.id, text }))
  }

  function need(id: number): { hook: Hook; worker: Worker } {
    const found = all.get(id)
    if (found !== undefined) return found
    throw new Fault('missing', 'hooks.get', {
      about: id,
      text: `There is no webhook ${id}. crossload hooks shows them.`,
    })
  }

  for (const { hook, position } of known) start(hook, position)

  return {
    list: () => [...all.values()].map(({ hook, worker }) => ({ hook, position: worker.position })),
    async add({ url: text, events }, by, { signal }) {
      const url = parsePlace(text, needs.allowed).url.href
      await post.check(url, { signal })
      return commit.serial(async () => {
        if (all.size >= hooksMax)
          throw new Fault('conflict', 'hooks.add', {
            text: `There are ${hooksMax} webhooks, the most a site may have. Remove one first.`,
          })
        if ([...all.values()].some(({ hook }) => hook.url === url))
          throw new Fault('conflict', 'hooks.add', {
            about: new URL(url).host,
            text: 'There is a webhook to this address. Remove it first, or name another address.',
          })
        const id = ((await db.get<number>(keys.counter('hook'))) ?? 0) + 1
        const hook: Hook = { id, url, events, by, madeAt: clock.now() }
        const position: Position = { id, after: commit.folded(), deliveries: [] }
        const secret = await secrets.make(id)
        await commit('hook.put', by, { hook, position })
        return { ...start(hook, position), secret }
      })
    },
    remove: (id, by) =>
      commit.serial(async () => {
        const { hook, worker } = need(id)
        await worker[Symbol.asyncDispose]()
        await commit('hook.removed', by, { id })
        all.delete(id)
        await secrets.remove(id)
        return { hook, position: worker.position }
      }),
    resume: (id, { skip }, by) =>
      commit.serial(async () => {
        const { worker } = need(id)
        await worker[Symbol.asyncDispose]()
        // It may have come to rest meanwhile.
        const { paused: _, ...hook } = need(id).hook
        const { failing, skip: __, ...rest } = worker.position
        const refused = failing === undefined ? undefined : rest.deliveries[0]?.event
        const left = skip && refused !== undefined ? { skip: refused } : {}
        const position: Position = { ...rest, ...left }
        await commit('hook.moved', by, { hook, position })
        return start(hook, position)
      }),
    async test(id, { signal }) {
      const { hook } = need(id)
      const event = {
        id: `test:${Buffer.from(clock.random(8)).toString('hex')}`,
        type: 'test',
        at: clock.now(),
        data: { hook: id },
      }
      const working = { clock, site: needs.site, post, secret: secrets.of }
      const outcome = await tryOnce(hook, event, working, signal)
      return { event: event.id, type: 'test', at: clock.now(), tries: 1, ...outcome }
    },
    glance() {
      const states = { working: 0, failing: 0, paused: 0 }
      let behindMs = 0
      for (const { hook, worker } of all.values()) {
        const { failing } = worker.position
        states[stateOf({ hook, position: worker.position })]++
        if (failing !== undefined) behindMs = Math.max(behindMs, clock.now() - failing.since)
      }
      return { states, behindMs }
    },
    async [Symbol.asyncDispose]() {
      const closing = [...all.values()].map(({ worker }) => worker[Symbol.asyncDispose]())
      for (const closed of await Promise.allSettled(closing))
        if (closed.status === 'rejected') log(asFault(closed.reason, 'hooks.close'))
    },
  }
}

export function stateOf({ hook, position }: HookNow): 'working' | 'failing' | 'paused' {
  if (hook.paused !== undefined) return 'paused'
  return position.failing === undefined ? 'working' : 'failing'
}
