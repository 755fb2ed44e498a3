import type { Command } from 'commander'
import type { Asked, Told } from '../../api/routes.ts'
import { Fault } from '../../protocol/fault.ts'
import { type ProjectId, parseEmail } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { collect, idOf, pairOf } from '../options.ts'
import { facts, table, timeText } from '../show.ts'

type ProjectView = Told<'projects.show'>
type Role = Asked<'projects.set-member'>['role']

export function addProjects(program: Command, open: Open): void {
  const project = program
    .command('project')
    .description('Where datasets and workflows live, and rights are given.')

  project
    .command('list', { isDefault: true })
    .description('The projects that you may read.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('projects.list', {})
      context.print(list, () =>
        table(
          ['id', 'name', 'members', 'made'],
          list.map((one) => [one.id, one.name, one.members.length, timeText(one.createdAt)]),
        ),
      )
    })

  project
    .command('add')
    .argument('<name>')
    .description('Makes a project that you own.')
    .action(async (name: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const made = await context.call('projects.add', { name })
      context.print(made, () => `Project ${made.id} is there. You own it.`)
    })

  project
    .command('show')
    .argument('<id>')
    .description('One project and its members.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const shown = await context.call('projects.show', { id: idOf<ProjectId>(id, 'project') })
      context.print(shown, () => told(shown))
    })

  project
    .command('members')
    .argument('<id>')
    .option('--set <email=role>', 'owner, member or viewer; may be repeated', collect, [])
    .option('--remove <email>', 'may be repeated', collect, [])
    .description('The members of a project, after the changes that are asked for.')
    .action(async (text: string, flags: { set: string[]; remove: string[] }, command: Command) => {
      const context = open(command)
      const id = idOf<ProjectId>(text, 'project')
      const set = flags.set.map((one) => pairOf(one, '--set', '--set ana@lab.example=member'))
      let shown: ProjectView | undefined
      for (const [email, role] of set) {
        const input = { id, email: parseEmail(email), role: roleOf(role) }
        shown = await context.call('projects.set-member', input)
      }
      for (const email of flags.remove) {
        shown = await context.call('projects.remove-member', { id, email: parseEmail(email) })
      }
      const last = shown ?? (await context.call('projects.show', { id }))
      context.print(last.members, () => told(last))
    })
}

function roleOf(text: string): Role {
  if (text === 'owner' || text === 'member' || text === 'viewer') return text
  throw new Fault('invalid', 'cli.options', {
    about: text.slice(0, 80),
    text: 'A role is owner, member or viewer.',
  })
}

function told(project: ProjectView): string {
  const head = facts([
    ['project', project.id],
    ['name', project.name],
    ['personal', project.personal ? 'yes' : undefined],
    ['made', timeText(project.createdAt)],
  ])
  const members = table(
    ['email', 'name', 'role'],
    project.members.map((one) => [one.email, one.name, one.role]),
  )
  return `${head}\n\n${members}`
}
