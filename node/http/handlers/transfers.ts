import { Fault } from '../../../protocol/fault.ts'
import type { TransferId } from '../../../protocol/ids.ts'
import { may } from '../../people/permissions.ts'
import type { User } from '../../people/users.ts'
import type { Handlers, TransfersDoor } from '../doors.ts'

type Names =
  | 'transfers.send'
  | 'transfers.dry-run'
  | 'transfers.list'
  | 'transfers.show'
  | 'transfers.pause'
  | 'transfers.resume'
  | 'transfers.cancel'

export const transferHandlers: Handlers<Names> = {
  'transfers.send': ({ doors, by, input }) => doors.transfers.send(input, by),
  'transfers.dry-run': ({ doors, by, input, signal }) =>
    doors.transfers.dryRun(input, by, { signal }),
  'transfers.list': async ({ doors: { transfers }, by, input }) => {
    if (input.after !== undefined) await needTransfer(transfers, input.after, by, 'transfer.read')
    return transfers.list((transfer) => may(by, 'transfer.read', transfer), input)
  },
  'transfers.show': async ({ doors: { transfers }, by, input: { id } }) => {
    await needTransfer(transfers, id, by, 'transfer.read')
    return transfers.view(id)
  },
  'transfers.pause': async ({ doors: { transfers }, by, input: { id } }) => {
    await needTransfer(transfers, id, by, 'transfer.steer')
    return transfers.pause(id, by)
  },
  'transfers.resume': async ({ doors: { transfers }, by, input: { id } }) => {
    await needTransfer(transfers, id, by, 'transfer.steer')
    return transfers.resume(id, by)
  },
  'transfers.cancel': async ({ doors: { transfers }, by, input: { id } }) => {
    await needTransfer(transfers, id, by, 'transfer.steer')
    return transfers.cancel(id, by)
  },
}

/** Somebody else's transfer looks exactly as if there were none. */
export async function needTransfer(
  transfers: Pick<TransfersDoor, 'need'>,
  id: TransferId,
  by: User,
  act: 'transfer.read' | 'transfer.steer',
): Promise<void> {
  let found: Parameters<typeof may>[2] | undefined
  try {
    found = await transfers.need(id)
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.kind !== 'missing') throw thrown
  }
  if (found !== undefined && may(by, act, found)) return
  throw new Fault('missing', 'transfers.get', {
    about: id,
    text: `There is no transfer ${id} that you may see. Look at crossload transfers list.`,
  })
}
