/**
 * The first to open the index, in a process of its own: a damaged table can end the process that
 * reads it, and then it had better be this one. Started by `look.ts` with the folder as its argument;
 * says `loaded`, then what it found, and ends.
 */
import { join } from 'node:path'
import { asFault, Fault, type FaultKind } from '../../protocol/fault.ts'
import { systemClock } from '../base/clock.ts'
import { readIfThere } from '../base/files.ts'
import { openLevel } from './level.ts'
import { addUp, closedName, closedText, readSum } from './seal.ts'

export type Verdict =
  | { found: 'loaded' }
  | { found: 'sound' }
  | { found: 'fault'; kind: FaultKind; text: string }

/** Reading at every start, so that a start is never slow. A small index is read whole in that time. */
const glanceMs = 100
/** Reading after a crash, when LevelDB has repaired its log by its own lights and may have lost some. */
const searchMs = 30_000

async function look(folder: string): Promise<void> {
  const closed = await readIfThere(join(folder, closedName))
  const level = await openLevel(folder, false)
  try {
    const total = await readSum(level)
    if (total === undefined) throw damaged('The sum of its records is lost.')
    if (closed !== undefined && Buffer.from(closed).toString() !== closedText(total)) {
      throw damaged('It is not as it was left.')
    }
    const startedAt = systemClock.now()
    const budgetMs = closed === undefined ? searchMs : glanceMs
    const seen = await addUp(level, { enough: () => systemClock.now() - startedAt > budgetMs })
    if (seen.at === 'damaged') throw damaged(`The record ${seen.key} does not fit its checksum.`)
    if (seen.at === 'whole' && seen.total !== total) throw damaged('Its records do not add up.')
  } finally {
    await level.close()
  }
}

function damaged(what: string): Fault {
  return new Fault('corrupt', 'db.probe', { text: `The index is damaged. ${what}` })
}

function say(verdict: Verdict): Promise<void> {
  return new Promise((resolve) => process.send!(verdict, undefined, undefined, () => resolve()))
}

// Whoever started it is gone or has heard enough; it must not keep the index from the next start.
process.once('disconnect', () => process.exit())
await say({ found: 'loaded' })
try {
  await look(process.argv[2] ?? '')
  await say({ found: 'sound' })
} catch (thrown) {
  const fault = asFault(thrown, 'db.probe')
  await say({
    found: 'fault',
    kind: fault.kind === 'internal' ? 'corrupt' : fault.kind,
    text: fault.message,
  })
}
process.disconnect!()
