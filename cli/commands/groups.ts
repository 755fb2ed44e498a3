import type { Command } from 'commander'
import type { Told } from '../../api/routes.ts'
import { parseEmail } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { collect } from '../options.ts'
import { table } from '../show.ts'

type GroupView = Told<'groups.list'>[number]
/** As many as one page of the site's has. */
const pageItems = 1000

export function addGroups(program: Command, open: Open): void {
  const group = program
    .command('group')
    .description('People who are given rights in projects together.')

  group
    .command('list', { isDefault: true })
    .description('The groups that you are in; for an administrator, all.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('groups.list', {})
      context.print(list, () => told(list))
    })

  group
    .command('add')
    .argument('<name>')
    .option('--claim <name>', 'a group at the institution to take over; repeatable', collect, [])
    .description('Makes a group, with nobody in it yet.')
    .action(async (name: string, flags: { claim: string[] }, command: Command) => {
      const context = open(command)
      const made = await context.call('groups.add', { name, claims: flags.claim })
      context.print(made, () => `Group ${made.id} is there.`)
      context.tell(`Next: crossload group members ${made.id} --add EMAIL`)
    })

  group
    .command('members')
    .argument('<group>', 'its ID or name')
    .option('--add <email>', 'may be repeated', collect, [])
    .option('--remove <email>', 'may be repeated', collect, [])
    .description('Who is in a group, after the changes that are asked for.')
    .action(async (name: string, flags: { add: string[]; remove: string[] }, command: Command) => {
      const context = open(command)
      for (const email of flags.add)
        await context.call('groups.add-member', { group: name, email: parseEmail(email) })
      for (const email of flags.remove)
        await context.call('groups.remove-member', { group: name, email: parseEmail(email) })
      const people: Told<'groups.members'> = []
      for (;;) {
        const after = people.at(-1)?.id
        const input = { group: name, limit: pageItems, ...(after !== undefined && { after }) }
        const page = await context.call('groups.members', input)
        people.push(...page)
        if (page.length < pageItems) break
      }
      context.print(people, () =>
        table(
          ['id', 'email', 'name'],
          people.map((one) => [one.id, one.email, one.name]),
        ),
      )
    })

  group
    .command('rename')
    .argument('<group>', 'its ID or name')
    .argument('<name>')
    .description('Gives a group another name.')
    .action(async (which: string, name: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const shown = await context.call('groups.change', { group: which, name })
      context.print(shown, () => told([shown]))
    })

  group
    .command('claims')
    .argument('<group>', 'its ID or name')
    .argument('[names...]', 'groups at the institution; none for no group')
    .description('Whom a group takes over at each login at the institution.')
    .action(async (which: string, names: string[], _flags: unknown, command: Command) => {
      const context = open(command)
      const shown = await context.call('groups.change', { group: which, claims: names })
      context.print(shown, () => told([shown]))
    })

  group
    .command('remove')
    .argument('<group>', 'its ID or name')
    .description('Ends a group, and with it what it may do in every project.')
    .action(async (which: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const gone = await context.call('groups.remove', { group: which })
      context.print(gone, () => `Group ${gone.id} is gone, and out of every project.`)
    })
}

function told(list: readonly GroupView[]): string {
  return table(
    ['id', 'name', 'people', 'takes over'],
    list.map((one) => [one.id, one.name, one.people, one.claims.join(', ')]),
  )
}
