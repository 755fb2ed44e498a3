import type { Command } from 'commander'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { type LinkId, parseAlias } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { durationOf, given, idOf } from '../options.ts'
import { listText, timeText } from '../show.ts'

type LinkView = Told<'links.list'>[number]
type Named = { alias?: string }

export function addLinks(program: Command, open: Open): void {
  program
    .command('invite')
    .option('--expires <time>', 'how long it can be redeemed: 30m, 48h, 7d', '48h')
    .description('Makes an invitation: the administrator of another site redeems it, once.')
    .action(async (flags: { expires: string }, command: Command) => {
      const context = open(command)
      const made = await context.call('links.invite', { expiresMs: durationOf(flags.expires) })
      context.print(made, () => made.invitation)
      context.tell(`Good once, until ${timeText(made.expiresAt)}. Give it to nobody else.`)
    })

  program
    .command('link')
    .argument('<invite|address>', 'crossload1…, or where the site is')
    .option('--alias <name>', 'what we call that site')
    .description('Redeems an invitation, or asks the site at an address.')
    .action(async (to: string, flags: Named, command: Command) => {
      const context = open(command)
      const link = await context.call('links.add', given({ to, alias: aliasOf(flags) }))
      context.print(link, () => told(link))
    })

  const links = program.command('links').description('The sites we know.')

  links
    .command('list', { isDefault: true })
    .description('All of them, with their state.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('links.list', {})
      context.print(list, () =>
        listText(
          ['id', 'alias', 'state', 'asked', 'name', 'site'],
          list.map((one) => [one.id, one.alias, one.state, one.asked, one.name, one.site]),
          'There are no links yet. Invite a site: crossload invite. Or take up an invitation: crossload link INVITE',
        ),
      )
    })

  links
    .command('accept')
    .argument('<id>')
    .option('--alias <name>', 'what we call that site')
    .description('Accepts a site that asked, or takes a refusal back.')
    .action(async (id: string, flags: Named, command: Command) => {
      const context = open(command)
      const input = given({ id: idOf<LinkId>(id, 'link'), alias: aliasOf(flags) })
      const link = await context.call('links.accept', input)
      context.print(link, () => told(link))
    })

  for (const [verb, shared, says] of [
    ['share', true, 'Lets what other sites sent count as held for this one.'],
    ['unshare', false, 'Counts only what this site itself sent as held for it.'],
  ] as const) {
    links
      .command(verb)
      .argument('<id>')
      .description(says)
      .action(async (id: string, _flags: unknown, command: Command) => {
        const context = open(command)
        const link = await context.call('links.policy', { id: idOf<LinkId>(id, 'link'), shared })
        context.print(link, () => told(link))
      })
  }

  for (const [verb, says] of [
    ['refuse', 'Refuses a site; it may not ask again.'],
    ['pause', 'Stops everything with a site until it is resumed.'],
    ['resume', 'Takes a paused link up again.'],
    ['remove', 'Ends a link.'],
  ] as const) {
    links
      .command(verb)
      .argument('<id>')
      .description(says)
      .action(async (id: string, _flags: unknown, command: Command) => {
        const context = open(command)
        const link = await context.call(`links.${verb}`, { id: idOf<LinkId>(id, 'link') })
        context.print(link, () => told(link))
      })
  }
}

function aliasOf({ alias }: Named): string | undefined {
  return alias === undefined ? undefined : parseAlias(alias)
}

function told({ id, alias, state, name, shared }: LinkView): string {
  const asked = state === 'asked' ? ' Its administrator has to accept.' : ''
  const more = shared ? ' What other sites sent counts as held for it.' : ''
  return `Link ${id} with ${alias} (${visible(name)}) is ${state}.${asked}${more}`
}
