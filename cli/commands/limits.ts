import type { Command } from 'commander'
import { rateOf, rateText } from '../../api/rates.ts'
import type { Told } from '../../api/routes.ts'
import { windowOf, windowText } from '../../api/windows.ts'
import { Fault } from '../../protocol/fault.ts'
import { type LinkId, parseTransferId } from '../../protocol/ids.ts'
import type { Context, Open } from '../context.ts'
import { collect, given } from '../options.ts'
import { listText, timeText } from '../show.ts'

type LimitView = Told<'limits.list'>[number]
type Target = { link?: string; transfer?: string }
type SetFlags = Target & {
  out?: string
  in?: string
  window: string[]
  windows: boolean
  zone?: string
  localExempt?: boolean
}

export function addLimits(program: Command, open: Open): void {
  const limits = program.command('limits').description('How fast data may go out and come in.')

  limits
    .command('list', { isDefault: true })
    .description('The rates that are set, and what holds now.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('limits.list', {})
      context.print(list, () =>
        listText(
          ['limit', 'out now', 'until', 'in now', 'until', 'outside windows', 'windows'],
          list.map(rowOf),
          'Nothing is limited. Limit the site: crossload limits set --out 10MB/s',
        ),
      )
    })

  limits
    .command('set')
    .option('--link <alias|id>', 'of all that crosses this link; otherwise of the site as a whole')
    .option('--transfer <id>', 'of this transfer, until it is over')
    .option('--out <rate>', 'what is sent: 500kB/s, 10MB/s, 100Mbit/s, none')
    .option('--in <rate>', 'what is received')
    .option(
      '--window <text>',
      'other rates at times, all of them: "daily 20:00-06:00 out=none"',
      collect,
      [],
    )
    .option('--no-windows', 'without the windows that there are')
    .option('--zone <zone>', 'in which the windows are read, such as Europe/Oslo')
    .option('--local-exempt', 'not for sites that are reached at an address of the local network')
    .option('--no-local-exempt', 'for all sites')
    .description('Limits the rate from now on, also of what is on its way. What is not said stays.')
    .action(async (flags: SetFlags, command: Command) => {
      const context = open(command)
      const set = await setLimit(context, flags)
      context.print(set, () => told(set))
    })

  limits
    .command('clear')
    .option('--link <alias|id>', 'of this link; otherwise of the site as a whole')
    .option('--transfer <id>', 'of this transfer')
    .description('Ends a limit.')
    .action(async (flags: Target, command: Command) => {
      const context = open(command)
      const { link, transfer } = targetOf(flags)
      const cleared =
        transfer !== undefined
          ? await context.call('limits.clear-transfer', { id: parseTransferId(transfer) })
          : link !== undefined
            ? await context.call('limits.clear-link', { id: await linkOf(context, link) })
            : await context.call('limits.clear', {})
      context.print(cleared, () => `${nameOf(cleared)} is not limited.`)
    })
}

async function setLimit(context: Context, flags: SetFlags): Promise<LimitView> {
  const { link, transfer } = targetOf(flags)
  const { zone, localExempt } = flags
  const changes = given({
    out: flags.out === undefined ? undefined : rateOf(flags.out),
    in: flags.in === undefined ? undefined : rateOf(flags.in),
    windows: flags.windows && flags.window.length === 0 ? undefined : flags.window.map(windowOf),
    zone,
  })
  if (localExempt !== undefined && (link ?? transfer) !== undefined) {
    throw refused('Only the limit of the site as a whole can leave out the local network.')
  }
  if (Object.keys(changes).length === 0 && localExempt === undefined) {
    throw refused('Say which limit: crossload limits set --out 10MB/s --in none')
  }
  if (transfer !== undefined) {
    return context.call('limits.set-transfer', { id: parseTransferId(transfer), ...changes })
  }
  if (link !== undefined) {
    return context.call('limits.set-link', { id: await linkOf(context, link), ...changes })
  }
  return context.call('limits.set', given({ ...changes, localExempt }))
}

function targetOf(flags: Target): Target {
  if (flags.link === undefined || flags.transfer === undefined) return flags
  throw refused('A limit is of a link or of a transfer. Set one after the other.')
}

/** By its ID, or by what we call the site. */
async function linkOf(context: Context, text: string): Promise<LinkId> {
  const links = await context.call('links.list', {})
  const found =
    links.find(({ alias }) => alias === text) ?? links.find(({ id }) => String(id) === text)
  if (found !== undefined) return found.id
  throw new Fault('missing', 'cli.limits', {
    about: text,
    text: `There is no link ${text} here. See them with crossload links.`,
  })
}

function nameOf({ of, link, alias, transfer }: LimitView): string {
  if (of === 'link') return `Link ${link} with ${alias}`
  return of === 'transfer' ? `Transfer ${transfer}` : 'The site'
}

function rowOf(view: LimitView) {
  const { out, in: into } = view.now
  const until = (text: string | undefined) => (text === undefined ? '' : timeText(text))
  const exempt = view.localExempt === true ? ['not in the local network'] : []
  const windows = view.windows.length === 0 ? [] : [view.windows.map(windowText).join('; ')]
  return [
    view.of === 'site' ? 'site' : view.of === 'link' ? `link ${view.alias}` : view.transfer,
    nowText(view, 'out'),
    until(out.until),
    nowText(view, 'in'),
    until(into.until),
    `out ${rateText(view.out)}, in ${rateText(view.in)}`,
    [...windows, ...(windows.length > 0 ? [view.zone] : []), ...exempt].join(', '),
  ]
}

/** The rate that holds, and the number of the window that it comes from. */
function nowText(view: LimitView, direction: 'out' | 'in'): string {
  const { rate, window } = view.now[direction]
  const text = rate === null ? 'no limit' : rateText(rate)
  return window === undefined ? text : `${text} (window ${window + 1})`
}

function told(view: LimitView): string {
  const { out, in: into } = view.now
  const when = [out.until, into.until].filter((text) => text !== undefined).sort()[0]
  const until = when === undefined ? '' : `, until ${timeText(when)}`
  const held = (['out', 'in'] as const)
    .filter((direction) => view.now[direction].rate !== null)
    .map((direction) => `${direction} ${nowText(view, direction)}`)
  if (held.length === 0) held.push('not now')
  const exempt = view.localExempt === true ? ' Not in the local network.' : ''
  return `${nameOf(view)} now: out ${nowText(view, 'out')}, in ${nowText(view, 'in')}${until}.${exempt}`
}

function refused(text: string): Fault {
  return new Fault('invalid', 'cli.limits', { text })
}
