import type { Command } from 'commander'
import { hookEvents } from '../../api/hook-events.ts'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Open } from '../context.ts'
import { given, idOf } from '../options.ts'
import { facts, listText, timeText } from '../show.ts'

type Hook = Told<'hooks.list'>[number]
type EventName = (typeof hookEvents)[number]

export function addHooks(program: Command, open: Open): void {
  const hooks = program
    .command('hooks')
    .description('Webhooks: where this site tells other programs what happened.')

  hooks
    .command('list', { isDefault: true })
    .description('Where they lead and how they are.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('hooks.list', {})
      context.print(list, () =>
        listText(
          ['hook', 'state', 'last delivery', 'address', 'events'],
          list.map(rowOf),
          'Nobody is told anything. Tell a program: crossload hooks add https://HOST/PATH',
        ),
      )
      for (const hook of list) {
        const why = problemOf(hook)
        if (why !== undefined) context.tell(`Hook ${hook.id}: ${why}`)
      }
    })

  hooks
    .command('add')
    .argument('<url>', 'https://HOST/PATH')
    .option('--events <names>', 'only these, with commas between')
    .description('Tells an address what happens from now on. The secret is shown this once.')
    .action(async (url: string, flags: { events?: string }, command: Command) => {
      const context = open(command)
      const events = flags.events === undefined ? undefined : namesOf(flags.events)
      const made = await context.call('hooks.add', given({ url, events }))
      context.print(made, () => made.secret)
      context.tell(
        `Hook ${made.id} signs with this secret. Give it to the receiver, then try: crossload hooks test ${made.id}`,
      )
    })

  hooks
    .command('show')
    .argument('<hook>', 'its ID')
    .description('One of them, with its last deliveries.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const sought = idOf(id, 'hook')
      const found = (await context.call('hooks.list', {})).find((one) => one.id === sought)
      if (found === undefined) {
        throw new Fault('missing', 'cli.hooks', {
          about: id,
          text: `There is no webhook ${id}. crossload hooks shows them.`,
        })
      }
      context.print(found, () => showText(found))
    })

  hooks
    .command('test')
    .argument('<hook>', 'its ID')
    .description('Sends one event of the type test, once.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const told = await context.call('hooks.test', { id: idOf(id, 'hook') })
      context.print(told, () =>
        told.problem === undefined ? `It was taken: ${told.status}.` : 'It was not taken.',
      )
      if (told.problem === undefined) return
      throw new Fault('unreachable', 'cli.hooks', { side: 'there', text: told.problem })
    })

  hooks
    .command('resume')
    .argument('<hook>', 'its ID')
    .option('--skip', 'leave out the event that was not taken')
    .description('Tries at once what was not taken.')
    .action(async (id: string, { skip = false }: { skip?: boolean }, command: Command) => {
      const context = open(command)
      const hook = await context.call('hooks.resume', { id: idOf(id, 'hook'), skip })
      context.print(hook, () => `Hook ${hook.id} goes on.`)
    })

  hooks
    .command('remove')
    .argument('<hook>', 'its ID')
    .description('Ends it. What it was not told yet it is never told.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const hook = await context.call('hooks.remove', { id: idOf(id, 'hook') })
      context.print(hook, () => `Hook ${hook.id} to ${hook.url} is removed.`)
    })
}

function namesOf(text: string): EventName[] {
  return text.split(',').map((part) => {
    const found = hookEvents.find((name) => name === part.trim())
    if (found !== undefined) return found
    throw new Fault('invalid', 'cli.hooks', {
      about: part,
      text: `There is no event ${visible(part.trim())}. There are: ${hookEvents.join(', ')}.`,
    })
  })
}

function rowOf(hook: Hook) {
  const [last] = hook.deliveries
  return [
    String(hook.id),
    hook.state,
    last === undefined ? 'none yet' : timeText(last.at),
    hook.url,
    hook.events.length === hookEvents.length ? 'all' : hook.events.join(', '),
  ]
}

function problemOf({ state, problem, nextTryAt, deliveries }: Hook): string | undefined {
  if (state === 'working') return undefined
  const why = problem ?? deliveries[0]?.problem ?? 'It did not take an event.'
  return nextTryAt === undefined ? why : `${why} It is tried again at ${timeText(nextTryAt)}.`
}

function showText(hook: Hook): string {
  const about = facts([
    ['hook', hook.id],
    ['address', hook.url],
    ['events', hook.events.join(', ')],
    ['since', timeText(hook.madeAt)],
    ['state', hook.state],
    ['trouble', problemOf(hook)],
  ])
  const deliveries = listText(
    ['when', 'event', 'tries', 'outcome'],
    hook.deliveries.map(({ at, type, tries, status, problem }) => [
      timeText(at),
      type,
      tries,
      problem ?? `taken: ${status}`,
    ]),
    'Nothing was told yet.',
  )
  return `${about}\n\n${deliveries}`
}
