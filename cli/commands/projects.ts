import type { Command } from 'commander'
import type { Asked, Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Fault } from '../../protocol/fault.ts'
import { type ProjectId, parseEmail } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { collect, idOf, pairOf } from '../options.ts'
import { facts, table, timeText } from '../show.ts'

type ProjectView = Told<'projects.show'>
type Role = Asked<'projects.set-member'>['role']
type Members = { set: string[]; remove: string[]; setGroup: string[]; removeGroup: string[] }

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
    .option('--set-group <group=role>', 'everybody in it, by ID or name; repeatable', collect, [])
    .option('--remove-group <group>', 'may be repeated', collect, [])
    .description('The members of a project, after the changes that are asked for.')
    .action(async (text: string, flags: Members, command: Command) => {
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
      for (const one of flags.setGroup) {
        const [group, role] = pairOf(one, '--set-group', '--set-group Imaging=member')
        shown = await context.call('projects.set-group', { id, group, role: roleOf(role) })
      }
      for (const group of flags.removeGroup) {
        shown = await context.call('projects.remove-group', { id, group })
      }
      const last = shown ?? (await context.call('projects.show', { id }))
      context.print([...last.members, ...last.groups], () => told(last))
    })
  addDeposit(project, open)
}

/** Each is one paragraph, which the help breaks into lines. */
const depositSays = [
  'Lays out datasets that arrive in a project as ordinary files, in a folder of their own in DIR.',
  'Only what another site sends is laid out; dataset add and dataset update lay out nothing. A next version that arrives adds files and replaces those that this site laid out; a file that somebody else put there or changed is left alone and named in dataset show. Nothing is ever taken away.',
  'Where the file system can share blocks, large files take no room of their own; elsewhere they are copied.',
  "With --link large files are second names (hard links) of the site's own read-only copies, where DIR is on the same disk as the store. They take no room, but whoever may write there as the site's account can change the site's copy with them. So files are linked only when you ask for it.",
].join('\n\n')

function addDeposit(project: Command, open: Open): void {
  project
    .command('deposit')
    .argument('<id>')
    .argument('[dir]', 'a folder that is there, on the site’s machine')
    .option('--link', 'large files as second names of the site’s own copies')
    .option('--none', 'lay out no more; what lies there stays')
    .summary('Where what arrives in a project is laid out as files.')
    .description(depositSays)
    .action(
      async (
        text: string,
        dir: string | undefined,
        flags: { link?: boolean; none?: boolean },
        command: Command,
      ) => {
        const context = open(command)
        const id = idOf<ProjectId>(text, 'project')
        if ((dir === undefined) === (flags.none !== true) || (flags.none && flags.link)) {
          throw new Fault('invalid', 'cli.options', {
            text: 'Name a folder, or say --none: crossload project deposit ID DIR [--link]',
          })
        }
        const shown =
          dir === undefined
            ? await context.call('projects.remove-deposit', { id })
            : await context.call('projects.set-deposit', {
                id,
                folder: context.path(dir),
                link: flags.link === true,
              })
        context.print(shown, () => {
          if (shown.deposit === undefined)
            return `What arrives in project ${id} stays in the store.`
          return `What arrives in project ${id} is laid out in ${visible(shown.deposit.folder)}${shown.deposit.link ? ', large files linked' : ''}.`
        })
      },
    )
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
    ['deposit', project.deposit?.folder],
    ['linked', project.deposit?.link ? 'yes: large files are the site’s own' : undefined],
  ])
  const members = table(
    ['email', 'name', 'role'],
    project.members.map((one) => [one.email, one.name, one.role]),
  )
  if (project.groups.length === 0) return `${head}\n\n${members}`
  const groups = table(
    ['group', 'name', 'people', 'role'],
    project.groups.map((one) => [one.id, one.name, one.people, one.role]),
  )
  return `${head}\n\n${members}\n\n${groups}`
}
