import { expect, it } from 'vitest'
import type { ToldTransfer } from '../api/shapes.ts'
import type { DatasetId, Email, SiteId, TransferId, WorkflowId } from '../protocol/ids.ts'
import { changeOf, idsText, progressText, transferText, whatText } from './transfer-text.ts'

const ana = 'ana@lab.example' as Email

function moving(more: Partial<ToldTransfer> = {}): ToldTransfer {
  return {
    id: 'ab'.repeat(16) as TransferId,
    direction: 'out',
    state: 'moving',
    source: {
      site: '12D3A' as SiteId,
      name: 'Oslo',
      person: ana,
      dataset: 3 as DatasetId,
      version: 2,
      workflows: [],
    },
    destination: {
      site: '12D3B' as SiteId,
      alias: 'kyoto',
      name: 'Kyoto\x1b[2J',
      person: ana,
      workflows: [],
    },
    dataset: 'Panel \u202e1',
    workflows: ['Gating'],
    bytes: { chosen: 300e6, held: 100e6, sent: 50e6, received: 0, dataset: 50e6 },
    files: { chosen: 1200, held: 4, done: 5 },
    manifest: { nodes: 2, pages: 1 },
    bytesPerSecond: 10e6,
    receipts: [],
    will: [],
    willNot: [],
    createdAt: '2026-01-02T03:04:05.678Z',
    ...more,
  }
}

it('tells bytes, files, rate and time left while it moves', () => {
  expect(progressText(moving())).toBe(
    'moving · 150 MB of 300 MB (50%) · 5 of 1,200 files · 10.0 MB/s · 15 s left',
  )
})

it('believes what the destination is known to have over what crossed', () => {
  const bytes = { chosen: 200, held: 150, sent: 150, received: 0, dataset: 0, there: 160 }
  expect(progressText(moving({ bytes }))).toContain('160 B of 200 B (80%)')
})

it('tells the last fault, and nothing of a rate while it stands still', () => {
  const fault = { kind: 'unreachable', op: 'x', text: 'No answer.\x07' }
  expect(progressText(moving({ fault, bytesPerSecond: 0 }))).toBe(
    'moving · 150 MB of 300 MB (50%) · 5 of 1,200 files · last fault: No answer.\\u{7}',
  )
  expect(changeOf(moving({ fault }))).not.toBe(changeOf(moving()))
})

it('is at 100% when nothing was to be moved, and when it is done', () => {
  const none = { chosen: 0, held: 0, sent: 0, received: 0, dataset: 0 }
  expect(progressText(moving({ bytes: none }))).toContain('0 B of 0 B (100%)')
  expect(progressText(moving({ state: 'done' }))).toContain('300 MB of 300 MB (100%)')
})

it('shows IDs of both ends and lets no name from afar play with the terminal', () => {
  const receipt = {
    kind: 'imported' as const,
    at: '2026-01-02T03:05:00.000Z',
    dataset: 7 as DatasetId,
    workflows: [],
    trees: [],
    signature: 'f'.repeat(128),
  }
  const destination = {
    ...moving().destination,
    dataset: 7 as DatasetId,
    version: 1,
    workflows: [1, 2] as WorkflowId[],
  }
  const text = transferText(moving({ state: 'done', destination, receipts: [receipt] }))
  expect(text).toContain('dataset 3 v2')
  expect(text).toContain('dataset 7 v1, workflows 1, 2')
  expect(text).toContain('imported 2026-01-02T03:05:00Z, signed ffffffffffffffff…')
  for (const hidden of ['\x1b', '\u202e']) expect(text).not.toContain(hidden)
  expect(whatText(moving())).toBe('dataset "Panel \u202e1", workflow "Gating"')
  expect(idsText({ ...destination, dataset: undefined, workflows: [5 as WorkflowId] })).toBe(
    'workflow 5',
  )
})
