/** Watching one transfer to its end; the exit code is how it ended. */
import type { ToldTransfer } from '../api/shapes.ts'
import { Fault, fromWireFault, type WireFault } from '../protocol/fault.ts'
import type { TransferId } from '../protocol/ids.ts'
import type { Context } from './context.ts'
import { jsonText } from './show.ts'
import { changeOf, endName, idsText, progressText } from './transfer-text.ts'

/** Returns when it is done; throws the fault that it ended with. */
export async function followTransfer(context: Context, id: TransferId): Promise<ToldTransfer> {
  const line = context.line()
  let last: ToldTransfer | undefined
  let change = ''
  try {
    for await (const view of context.follow('transfers.follow', { id })) {
      last = view
      if (context.json) context.world.stdout.write(`${jsonText(view)}\n`)
      else line.show(progressText(view), changeOf(view) !== change)
      change = changeOf(view)
    }
  } finally {
    line.end()
  }
  if (last === undefined) throw new Fault('unreachable', 'cli.follow', { about: id })
  checkEnd(last)
  context.say(`Arrived at ${endName(last.destination)}: ${idsText(last.destination)}`)
  return last
}

/** Of a transfer that has ended otherwise than done, the fault. */
export function checkEnd({ id, state, fault }: ToldTransfer): void {
  if (state === 'done') return
  if (fault !== undefined) throw fromWireFault(fault as WireFault)
  throw new Fault('gone', 'cli.follow', {
    about: id,
    text: `The transfer was ${state}. Nothing of it was imported.`,
  })
}
