/** A transfer in words: one line while it moves, a page when somebody asks. */
import type { ToldTransfer } from '../api/shapes.ts'
import {
  bytesThere,
  countText,
  durationText,
  groupText,
  personText,
  sizeText,
  visible,
} from '../api/words.ts'
import { facts, timeText } from './show.ts'

const stateText: Record<ToldTransfer['state'], string> = {
  waiting: 'waiting for the destination',
  parked: 'waiting for a person at the destination',
  moving: 'moving',
  whole: 'all there, being imported',
  paused: 'paused',
  done: 'done',
  refused: 'refused by the destination',
  failed: 'failed',
  cancelled: 'cancelled',
}

/** Bytes, files, rate, time left, last fault. */
export function progressText(view: ToldTransfer): string {
  const { state, bytes, files, bytesPerSecond, fault } = view
  const there = bytesThere(view)
  const share = bytes.chosen === 0 ? 100 : Math.floor((there / bytes.chosen) * 100)
  const parts = [
    stateText[state],
    `${sizeText(there)} of ${sizeText(bytes.chosen)} (${share}%)`,
    `${groupText(files.done)} of ${countText(files.chosen, 'file')}`,
  ]
  if (state === 'moving' && bytesPerSecond > 0) {
    parts.push(`${sizeText(bytesPerSecond)}/s`)
    parts.push(`${durationText((bytes.chosen - there) / bytesPerSecond)} left`)
  }
  if (fault !== undefined) parts.push(`last fault: ${visible(fault.text)}`)
  return parts.join(' · ')
}

/** What is worth a line of its own where a line cannot be redrawn. */
export function changeOf({ state, fault }: ToldTransfer): string {
  return `${state} ${fault?.kind ?? ''}`
}

type End = ToldTransfer['source']

export function endName({ alias, name, person }: End): string {
  const who = personText({ alias, person })
  return alias === undefined ? who : `${who} (${visible(name)})`
}

/** The IDs that a transfer made or used at one end. */
export function idsText({ dataset, version, workflows }: End): string {
  const parts = []
  if (dataset !== undefined) parts.push(`dataset ${dataset}${version ? ` v${version}` : ''}`)
  if (workflows.length > 0) {
    parts.push(`workflow${workflows.length > 1 ? 's' : ''} ${workflows.join(', ')}`)
  }
  return parts.join(', ')
}

export function transferText(view: ToldTransfer): string {
  const { source, destination, bytes, files, manifest, receipts, fault } = view
  const rows = facts([
    ['transfer', view.id],
    ['state', stateText[view.state]],
    ['fault', fault?.text],
    ['what', whatText(view)],
    ['source', endName(source)],
    ['source IDs', idsText(source)],
    ['destination', endName(destination)],
    ['destination IDs', idsText(destination)],
    ['chosen', `${countText(files.chosen, 'file')}, ${bytes.chosen} bytes`],
    // Each end counts what it did itself; the source also shows what it is told of the other.
    [
      'held there before',
      view.direction === 'out'
        ? `${bytes.held} bytes`
        : `${countText(files.held, 'file')}, ${bytes.held} bytes`,
    ],
    ['sent', view.direction === 'out' ? `${bytes.sent} bytes` : undefined],
    ['received', `${bytes.received} bytes`],
    ['manifest', `${manifest.nodes} nodes`],
    ['of the dataset', `${bytes.dataset} bytes`],
    ...depositRows(view.deposit),
    ['began', timeText(view.createdAt)],
    ['ended', view.endedAt && timeText(view.endedAt)],
    ...receipts.map(({ kind, at, signature }) => {
      return ['receipt', `${kind} ${timeText(at)}, signed ${signature.slice(0, 16)}…`] as const
    }),
  ])
  return rows
}

/** What became of the files that were to lie in a folder; lines for a page of facts. */
export function depositRows(deposit: ToldTransfer['deposit']): (readonly [string, string])[] {
  if (deposit === undefined) return []
  const { state, folder, files, bytes, fault, conflicts, conflictsCount } = deposit
  const made = `${countText(files, 'file')}, ${bytes} bytes, in ${folder}`
  const left = `${countText(conflictsCount, 'file')} that somebody else put there or changed`
  return [
    ['deposit', state === 'made' ? made : `${state}, to ${folder}`],
    ...(fault === undefined ? [] : [['deposit fault', fault.text] as const]),
    ...(conflictsCount === 0 ? [] : [['left alone', left] as const]),
    ...conflicts.map((path) => ['', path] as const),
  ]
}

/** The names of what moves. */
export function whatText({ dataset, workflows }: ToldTransfer): string {
  const names = workflows.map((name) => `workflow "${name}"`)
  return [...(dataset === undefined ? [] : [`dataset "${dataset}"`]), ...names].join(', ')
}
