import type { Command } from 'commander'
import { personText, sizeText } from '../../api/words.ts'
import { parseTransferId, type TransferId } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { followTransfer } from '../follow.ts'
import { listText, timeText } from '../show.ts'
import { idsText, transferText, whatText } from '../transfer-text.ts'

export function addTransfers(program: Command, open: Open): void {
  const transfers = program.command('transfers').description('What you sent and received.')

  transfers
    .command('list', { isDefault: true })
    .option('--limit <number>', 'how many, newest first', '100')
    .description('Your transfers, newest first.')
    .action(async (flags: { limit: string }, command: Command) => {
      const context = open(command)
      const list = await context.call('transfers.list', { limit: Number(flags.limit) })
      context.print(list, () =>
        listText(
          ['id', 'at', 'way', 'person', 'what', 'state', 'size', 'source IDs', 'destination IDs'],
          list.map((one) => {
            const { person, alias } = one.direction === 'out' ? one.destination : one.source
            return [
              one.id,
              timeText(one.createdAt),
              one.direction,
              personText({ person, alias: alias ?? '' }),
              whatText(one),
              one.state,
              sizeText(one.bytes.chosen),
              idsText(one.source),
              idsText(one.destination),
            ]
          }),
          'Nothing was sent or received yet. Send something: crossload send dataset ID --to EMAIL@ALIAS',
        ),
      )
    })

  transfers
    .command('show')
    .argument('<id>')
    .description('One transfer: state, IDs at both sites, bytes, receipts.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const shown = await context.call('transfers.show', { id: parseTransferId(id) })
      context.print(shown, () => transferText(shown))
    })

  transfers
    .command('follow')
    .argument('<id>')
    .description('Shows how far it is until it has ended.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      await followTransfer(open(command), parseTransferId(id))
    })

  for (const [verb, says] of [
    ['pause', 'Stops it until it is resumed; what has arrived stays.'],
    ['resume', 'Goes on with it.'],
    ['cancel', 'Ends it; nothing of it is imported.'],
  ] as const) {
    transfers
      .command(verb)
      .argument('<id>')
      .description(says)
      .action(async (text: string, _flags: unknown, command: Command) => {
        const context = open(command)
        const id: TransferId = parseTransferId(text)
        const shown = await context.call(`transfers.${verb}`, { id })
        context.print(shown, () => `Transfer ${id} is ${shown.state}.`)
      })
  }
}
