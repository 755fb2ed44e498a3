/**
 * Transfers with what became of their deposit: how the two rooms, which do not know each other, are
 * shown to people as one thing.
 */
import type { TransferView } from '../api/shapes.ts'
import type { TransferId } from '../protocol/ids.ts'
import type { Deposits, DepositView } from './deposit/deposits.ts'
import type { DepositsDoor, TransfersDoor } from './http/doors.ts'

export function withDeposits(
  transfers: TransfersDoor,
  deposits: Pick<Deposits, 'of' | 'events'>,
): TransfersDoor {
  const shown = async (view: TransferView): Promise<TransferView> => {
    const deposit = view.direction === 'in' ? await deposits.of(view.id) : undefined
    return deposit === undefined ? view : { ...view, deposit: viewDeposit(deposit) }
  }
  return {
    ...transfers,
    view: async (id: TransferId) => shown(await transfers.view(id)),
    list: async (of, options) => Promise.all((await transfers.list(of, options)).map(shown)),
    events: {
      on(hear) {
        const stack = new DisposableStack()
        stack.use(transfers.events.on(hear))
        stack.use(deposits.events.on(hear))
        return stack
      },
    },
  }
}

/** What http asks of deposits. */
export function createDepositsDoor(
  deposits: Deposits,
  projectOf: (dataset: DepositView['dataset']) => Promise<number | undefined>,
): DepositsDoor {
  return {
    check: deposits.check,
    async ofDataset(id) {
      const deposit = await deposits.ofDataset(id)
      return deposit === undefined ? undefined : viewDeposit(deposit)
    },
    again: (project, by) =>
      deposits.again(async (dataset) => (await projectOf(dataset)) === project, { user: by.id }),
  }
}

function viewDeposit({ state, version, folder, files, bytes, fault, ...rest }: DepositView) {
  const { conflicts, conflictsCount } = rest
  return {
    state,
    version,
    folder,
    files,
    bytes,
    conflictsCount,
    conflicts: [...conflicts],
    ...(fault === undefined ? {} : { fault }),
  }
}
