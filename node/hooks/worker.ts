/**
 * One hook at work: reads the journal from where it is and tells each event that is wanted, in order,
 * until it was taken. It waits for nobody else and nobody waits for it; what it has not told yet lies
 * in the journal, so nothing is queued here.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { JournalRecord } from '../journal/journal.ts'
import { envelope } from './envelope.ts'
import { eventsOf, type Told } from './events.ts'
import type { Delivery, Hook, Position } from './hook.ts'
import type { Post } from './post.ts'

/** Pauses between tries, in milliseconds; the last one again and again. */
export const pausesMs = [
  5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000,
] as const
/** How long one event is tried before the hook rests, in milliseconds. */
export const giveUpMs = 3 * 24 * 3_600_000
/** Deliveries that are shown. */
export const deliveriesMax = 20
/** Names of events that are remembered, so that what is recorded twice is told once. */
const rememberedMax = 1000
/** Records that nobody wants to hear of, after which the place in the journal is kept all the same. */
const passedMax = 1000
/** Between two times that the place is written to the journal too, in milliseconds. */
export const keepEveryMs = 3_600_000
/** When our own disk is in the way, how long until it goes on, in milliseconds. */
const troubleMs = 60_000

export type WorkerNeeds = {
  readonly clock: Clock
  readonly site: SiteId
  readonly post: Post
  secret(id: number): Promise<string | undefined>
  records(after: number, signal: AbortSignal): AsyncIterable<JournalRecord>
  /** In the index only. */
  save(position: Position): Promise<void>
  /** In the journal too; with a reason the hook is paused. */
  keep(position: Position, paused?: string): Promise<void>
  tried(outcome: 'delivered' | 'failed'): void
  log(fault: Fault): void
}

export interface Worker extends AsyncDisposable {
  readonly position: Position
}

/** The event was not taken now. */
class NotTaken extends Error {}
/** Nothing more is told until somebody says so. */
class Rests extends Error {}

export function startWorker(hook: Hook, begin: Position, needs: WorkerNeeds): Worker {
  const { clock } = needs
  const closing = new AbortController()
  const { signal } = closing
  const seen = new Set<string>()
  let position = begin
  let savedAfter = begin.after
  let keptAt = clock.now()

  async function work(): Promise<void> {
    for (;;) {
      try {
        const { failing } = position
        if (failing !== undefined) await clock.sleep(failing.nextAt - clock.now(), { signal })
        for await (const record of needs.records(position.after, signal)) await tell(record)
      } catch (thrown) {
        if (signal.aborted || thrown instanceof Rests) return
        if (thrown instanceof NotTaken) continue
        needs.log(asFault(thrown, 'hooks.tell', hook.id))
        await clock.sleep(troubleMs, { signal }).catch(() => {})
      }
    }
  }

  async function tell(record: JournalRecord): Promise<void> {
    let isTold = false
    for (const event of eventsOf(record)) {
      if (!hook.events.includes(event.type) || seen.has(event.id)) continue
      if (event.id === position.skip) {
        const { skip: _, ...rest } = position
        position = rest
      } else await deliver(event)
      remember(event.id)
      isTold = true
    }
    position = { ...position, after: record.seq }
    if (isTold || position.after - savedAfter >= passedMax) await save()
  }

  async function deliver(event: Told): Promise<void> {
    const tries = (position.failing?.tries ?? 0) + 1
    const outcome = await tryOnce(hook, event, needs, signal)
    signal.throwIfAborted()
    const now = clock.now()
    const delivery: Delivery = { event: event.id, type: event.type, at: now, tries, ...outcome }
    const others = position.deliveries.filter((one) => one.event !== event.id)
    const deliveries = [delivery, ...others].slice(0, deliveriesMax)
    if (outcome.problem === undefined) {
      needs.tried('delivered')
      const { failing: _, ...rest } = position
      position = { ...rest, deliveries }
      return
    }
    needs.tried('failed')
    const since = position.failing?.since ?? now
    const nextAt = now + pausesMs[Math.min(tries, pausesMs.length) - 1]!
    position = { ...position, deliveries, failing: { since, tries, nextAt } }
    const why = restReason(outcome, now - since)
    if (why === undefined) {
      await save()
      throw new NotTaken()
    }
    await needs.keep(position, why)
    throw new Rests()
  }

  async function save(): Promise<void> {
    savedAfter = position.after
    if (clock.now() - keptAt < keepEveryMs) return needs.save(position)
    keptAt = clock.now()
    await needs.keep(position)
  }

  function remember(event: string): void {
    seen.add(event)
    if (seen.size > rememberedMax) seen.delete(seen.keys().next().value!)
  }

  const working = hook.paused === undefined ? work() : Promise.resolve()
  return {
    get position() {
      return position
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Fault('gone', 'hooks.close', { text: 'The site is stopping.' }))
      await working
      if (position.after === savedAfter) return
      await needs.save(position).catch((thrown) => needs.log(asFault(thrown, 'hooks.close')))
    },
  }
}

export type Outcome = Pick<Delivery, 'status' | 'problem'>

/** One try. What is wrong is told and not thrown; only an abort is. */
export async function tryOnce(
  hook: Pick<Hook, 'id' | 'url'>,
  event: { readonly id: string; readonly type: string; readonly at: number; readonly data: object },
  needs: Pick<WorkerNeeds, 'clock' | 'site' | 'post' | 'secret'>,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const secret = await needs.secret(hook.id)
    if (secret === undefined) return { problem: lostSecret }
    const what = envelope({ site: needs.site, event, secret, now: needs.clock.now() })
    const status = await needs.post.send(hook.url, what, { signal })
    if (status >= 200 && status < 300) return { status }
    return { status, problem: problemOf(status) }
  } catch (thrown) {
    signal.throwIfAborted()
    return { problem: asFault(thrown, 'hooks.post').message }
  }
}

const lostSecret =
  'The file with its secret is gone, so nothing can be signed. Remove this webhook and add it again.'

function problemOf(status: number): string {
  if (status >= 300 && status < 400)
    return `It answered ${status} and named another address. None is followed: add a webhook that leads there.`
  if (status === 410) return 'It answered 410: it wants to hear nothing more.'
  return `It answered ${status} instead of taking the event.`
}

function restReason({ status, problem }: Outcome, ms: number): string | undefined {
  if (status === 410 || problem === lostSecret) return problem
  if (ms < giveUpMs) return undefined
  return `It has taken nothing for three days. ${problem}`
}
