/**
 * The door of the room: what is held and why, what of it is given back, and whether every byte is
 * still what it was. Which trees are pinned, and who else has what is damaged, it is told by whoever
 * composes the site.
 */
import { asFault, type Fault } from '../../protocol/fault.ts'
import type { FileCid, Root, SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import type { Commit } from '../journal/commit.ts'
import type { JournalRecord } from '../journal/journal.ts'
import type { Store } from '../store/store.ts'
import { type Damage, type Owner, openDamages } from './damages.ts'
import type { Guard } from './guard.ts'
import { type Hold, type Holds, openHolds } from './holds.ts'
import type { Pin } from './pins.ts'
import { openReclaim, type Reclaim } from './reclaim.ts'
import { openScrub, type Scrub, type ScrubView } from './scrub.ts'

/** Damaged things that are told at one time; the rest is counted. */
export const damagesToldMax = 100
/** After a record that may have mended something, how long until it is looked at, in milliseconds. */
const recheckDelayMs = 2000

/** A site that has, or had, what is damaged here: from a receipt, or because it sent it. */
export type Source = {
  readonly site: SiteId
  readonly alias?: string | undefined
  readonly name: string
  /** Its ID and version there. */
  readonly id: number
  readonly version: number
}

/** Something damaged, and one of those who need it. */
export type Asked = { readonly cid: FileCid | Root; readonly owner: Owner }

export type ToldDamage = Damage & { readonly sources: readonly Source[] }

export interface Upkeep extends AsyncDisposable {
  readonly reclaim: Reclaim['run']
  readonly without: Reclaim['without']
  readonly holds: Holds
  readonly scrubNow: Scrub['runNow']
  /** Where the scrub is, and at most `damagesToldMax` of what it found. */
  view(): Promise<ScrubView & { damaged: ToldDamage[]; damagedCount: number }>
  /** The same in numbers, for whoever looks often. */
  glance(): ScrubView & { damagedCount: number }
  /** Why the site is not well; undefined when it is. */
  fault(): Fault | undefined
  /** Begins what goes on by itself. */
  start(): Promise<void>
}

export type UpkeepNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly clock: Clock
  readonly guard: Guard
  readonly store: Store
  readonly scrubDays: number
  /** Every tree that must stay, of everything but holds. */
  pins(): AsyncIterable<Pin>
  pinsIn(record: JournalRecord): readonly Pin[]
  frees(record: JournalRecord): boolean
  arriving(): Promise<boolean>
  /** The sites that have these things, for each of them. */
  sources(asked: readonly Asked[]): Promise<readonly (readonly Source[])[]>
  log(fault: Fault): void
}

export async function openUpkeep(needs: UpkeepNeeds): Promise<Upkeep> {
  const { commit, clock } = needs
  await using stack = new AsyncDisposableStack()
  const holds = openHolds(needs)

  async function* pins(): AsyncGenerator<Pin> {
    yield* needs.pins()
    for (const hold of await holds.list()) yield* holdPins(hold)
  }

  const damages = await openDamages({ ...needs, pins })
  const reclaim = stack.use(
    openReclaim({
      ...needs,
      pins,
      pinsIn: (record) =>
        record.kind === 'hold.put' ? holdPins(record.data as Hold) : needs.pinsIn(record),
      frees: (record) => record.kind === 'hold.released' || needs.frees(record),
      isDamaged: (cid) => damages.has(cid),
    }),
  )
  const scrub = stack.use(openScrub({ ...needs, pins, days: needs.scrubDays, damages }))

  let looking: Disposable | undefined
  stack.use(
    commit.on((record) => {
      const isOurs = record.kind.startsWith('scrub.')
      if (isOurs || damages.count === 0 || looking !== undefined) return
      looking = clock.after(recheckDelayMs, () => {
        looking = undefined
        scrub.recheck().catch((thrown) => needs.log(asFault(thrown, 'scrub.recheck')))
      })
    }),
  )
  stack.defer(() => looking?.[Symbol.dispose]())

  const rest = stack.move()
  return {
    holds,
    reclaim: reclaim.run,
    without: reclaim.without,
    scrubNow: scrub.runNow,
    async view() {
      const told = damages.list().slice(0, damagesToldMax)
      const asked = told.flatMap(({ cid, owners }) => owners.map((owner) => ({ cid, owner })))
      const sources = await needs.sources(asked)
      let at = 0
      const damaged = told.map((damage) => {
        const found = new Map<string, Source>()
        for (const _ of damage.owners)
          for (const source of sources[at++] ?? []) found.set(`${source.site} ${source.id}`, source)
        return { ...damage, sources: [...found.values()] }
      })
      return { ...scrub.view(), damaged, damagedCount: damages.count }
    },
    glance: () => ({ ...scrub.view(), damagedCount: damages.count }),
    fault: damages.fault,
    async start() {
      await reclaim.start()
      await scrub.start()
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

function holdPins({ id, name, trees }: Hold): Pin[] {
  return trees.map((tree) => ({ kind: 'hold', id, name, tree, arriving: false, latest: false }))
}
