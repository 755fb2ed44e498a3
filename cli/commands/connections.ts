import type { Command } from 'commander'
import type { Told } from '../../api/routes.ts'
import { type ConnectionId, parseAddressee } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { idOf } from '../options.ts'
import { listText } from '../show.ts'

type ConnectionView = Told<'connections.list'>[number]

export function addConnections(program: Command, open: Open): void {
  program
    .command('connect')
    .argument('<email@alias>', 'a person at a linked site; you at the other site, for example')
    .description('Asks a person at a linked site to connect. Either of you can then send.')
    .action(async (to: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const connection = await context.call('connections.ask', parseAddressee(to))
      context.print(connection, () => told(connection))
    })

  const connections = program
    .command('connections')
    .description('The people at other sites that you are connected with.')

  connections
    .command('list', { isDefault: true })
    .description('All of yours, with their state.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('connections.list', {})
      context.print(list, () =>
        listText(
          ['id', 'person', 'state', 'asked'],
          list.map((one) => [one.id, addressee(one), one.state, one.asked]),
          'You have no connections yet. Ask a person at a linked site: crossload connect EMAIL@ALIAS',
        ),
      )
    })

  for (const [verb, says] of [
    ['accept', 'Accepts a person who asked you.'],
    ['remove', 'Ends a connection.'],
  ] as const) {
    connections
      .command(verb)
      .argument('<id>')
      .description(says)
      .action(async (id: string, _flags: unknown, command: Command) => {
        const context = open(command)
        const input = { id: idOf<ConnectionId>(id, 'connection') }
        const connection = await context.call(`connections.${verb}`, input)
        context.print(connection, () => told(connection))
      })
  }
}

function addressee({ person, alias }: ConnectionView): string {
  return `${person}@${alias}`
}

function told(connection: ConnectionView): string {
  const { id, state, asked } = connection
  const more =
    state === 'asked' && asked === 'here'
      ? ` ${connection.person} sees it at ${connection.alias} with crossload connections, and accepts it there.`
      : ''
  return `Connection ${id} with ${addressee(connection)} is ${state}.${more}`
}
