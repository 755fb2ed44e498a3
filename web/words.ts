/** Transfers in words. */
import type { ToldTransfer, TransferState } from '../api/shapes.ts'
import { bytesThere, durationText, personText, visible } from '../api/words.ts'

type StateWords = { text: string; color: string }

export const stateWords: Record<TransferState, StateWords> = {
  waiting: { text: 'Waiting for the destination', color: 'gray' },
  parked: { text: 'Waiting for a person at the destination', color: 'gray' },
  moving: { text: 'Moving', color: 'blue' },
  whole: { text: 'All there, being imported', color: 'blue' },
  paused: { text: 'Paused', color: 'gray' },
  done: { text: 'Complete', color: 'teal' },
  refused: { text: 'Refused by the destination', color: 'red' },
  failed: { text: 'Failed', color: 'red' },
  cancelled: { text: 'Cancelled', color: 'gray' },
}

export function percentOf(view: ToldTransfer): number {
  if (view.state === 'done') return 100
  // Nothing to move is not yet moved: only a receipt makes it whole.
  if (view.bytes.chosen === 0) return 0
  return Math.floor((bytesThere(view) / view.bytes.chosen) * 100)
}

export function timeLeftText(view: ToldTransfer): string | undefined {
  if (view.state !== 'moving' || view.bytesPerSecond <= 0) return undefined
  return `${durationText((view.bytes.chosen - bytesThere(view)) / view.bytesPerSecond)} left`
}

/** The names of what moves. */
export function whatText({
  dataset,
  workflows,
}: Pick<ToldTransfer, 'dataset' | 'workflows'>): string {
  return [...(dataset === undefined ? [] : [dataset]), ...workflows].map(visible).join(', ')
}

type End = Pick<ToldTransfer['source'], 'alias' | 'person'>

/** A person at a site as people type it; at our own site the address alone. */
export function endText(end: End): string {
  return personText(end)
}
