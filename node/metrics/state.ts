/** How the site is at this moment, read when somebody asks and by nobody else. */
import { Gauge, type Registry } from 'prom-client'

/** A number for each value of a label. */
type Counts = Readonly<Record<string, number>>

export type State = {
  /** Free and whole sizes of the disks that the site writes to, in bytes. */
  disks(): Promise<Readonly<Record<string, { free: number; size: number }>>>
  journal(): { records: number; isStopped: boolean }
  damages(): number
  /** `since`: when the last full pass ended or, before the first one, when it began. Milliseconds. */
  scrub(): { days: number; percent: number; since: number | undefined }
  depositsWaiting(): number
  /** Connections by kind. */
  connections(): Counts
  lanes(): number
  /** Notices that are still to be mailed. */
  mailWaiting(): number
  hooks(): { states: Counts; behindMs: number }
}

const dayS = 86_400

export function showState(registry: Registry, state: State): { gather(): Promise<void> } {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `crossload_${name}`, help, labelNames, registers: [registry] })
  const free = gauge('disk_free_bytes', 'Bytes that may still be written, by what lies there.', [
    'holds',
  ])
  const size = gauge('disk_size_bytes', 'Size of the file system, by what lies there.', ['holds'])
  const records = gauge('journal_records', 'Records of the journal, which only ever grows.')
  const stopped = gauge(
    'journal_stopped',
    '1 when the journal takes nothing more until a new start.',
  )
  const damaged = gauge(
    'damaged_objects',
    'Things that are needed and were found damaged or missing.',
  )
  const interval = gauge(
    'scrub_interval_seconds',
    'Within how long every held byte is to be read again; 0 when only on demand.',
  )
  const progress = gauge('scrub_progress_ratio', 'How far the pass under way is, from 0 to 1.')
  const scrubbed = gauge(
    'scrub_since_timestamp_seconds',
    'When the last full pass ended or, before the first one, when it began.',
  )
  const deposits = gauge('deposits_waiting', 'Deposits that are due and not made yet.')
  const connections = gauge('connections', 'Connections with other sites, by kind.', ['kind'])
  const lanes = gauge('lanes', 'Direct lanes with other sites.')
  const hooks = gauge('hooks', 'Webhooks, by state.', ['state'])
  const behind = gauge(
    'hooks_behind_seconds',
    'How old the oldest event is that a hook still waits for.',
  )

  const mail = gauge('mail_waiting', 'Notices that are still to be mailed.')

  function each(of: typeof hooks, label: string, counts: Counts): void {
    of.reset()
    for (const [value, count] of Object.entries(counts)) of.set({ [label]: value }, count)
  }

  return {
    async gather() {
      const disks = Object.entries(await state.disks())
      each(free, 'holds', Object.fromEntries(disks.map(([name, disk]) => [name, disk.free])))
      each(size, 'holds', Object.fromEntries(disks.map(([name, disk]) => [name, disk.size])))
      const journal = state.journal()
      records.set(journal.records)
      stopped.set(journal.isStopped ? 1 : 0)
      damaged.set(state.damages())
      const { days, percent, since } = state.scrub()
      interval.set(days * dayS)
      progress.set(percent / 100)
      if (since !== undefined) scrubbed.set(since / 1000)
      deposits.set(state.depositsWaiting())
      each(connections, 'kind', state.connections())
      lanes.set(state.lanes())
      const { states, behindMs } = state.hooks()
      each(hooks, 'state', states)
      behind.set(behindMs / 1000)
      mail.set(state.mailWaiting())
    },
  }
}
