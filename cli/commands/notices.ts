import type { Command } from 'commander'
import { digests, noticeKinds } from '../../api/notices-shapes.ts'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Open } from '../context.ts'
import { countOf, given, idOf } from '../options.ts'
import { facts, listText, table, timeText } from '../show.ts'

type List = { unread?: boolean; limit?: string }
type Read = { all?: boolean }
type Prefer = {
  digest?: string
  hour?: string
  zone?: string
  mail?: string
  unmail?: string
  show?: string
  hide?: string
}
type Preferences = Told<'notices.preferences'>
type Kind = Preferences['choices'][number]['kind']

export function addNotices(program: Command, open: Open): void {
  const notices = program
    .command('notices')
    .description('What happened that concerns you, and how you want to hear of it.')

  notices
    .command('list', { isDefault: true })
    .option('--unread', 'only what you have not read')
    .option('--limit <n>', 'how many at most', '20')
    .description('Newest first.')
    .action(async ({ unread, limit = '20' }: List, command: Command) => {
      const context = open(command)
      const input = given({ unread, limit: countOf(limit, '--limit') })
      const told = await context.call('notices.list', input)
      context.print(told, () =>
        listText(
          ['notice', 'when', '', 'what'],
          told.notices.map((one) => [
            String(one.id),
            timeText(one.at),
            one.read ? '' : 'new',
            one.title,
          ]),
          'Nothing has happened that concerns you. You will hear of what arrives, and of what you send.',
        ),
      )
    })

  notices
    .command('read')
    .argument('[notice]', 'its ID')
    .option('--all', 'everything that there is now')
    .description('Marks what you have read.')
    .action(async (id: string | undefined, { all = false }: Read, command: Command) => {
      const context = open(command)
      if ((id === undefined) !== all) {
        throw new Fault('invalid', 'cli.notices', {
          text: 'Which one have you read? Name it, or say --all: crossload notices read --all',
        })
      }
      const through = all ? await newestOf(context) : undefined
      const told =
        id !== undefined
          ? await context.call('notices.read', { id: idOf(id, 'notice') })
          : through === undefined
            ? { unread: 0 }
            : await context.call('notices.read-all', { through })
      context.print(told, () => `${told.unread === 0 ? 'Nothing' : told.unread} is unread.`)
    })

  notices
    .command('preferences')
    .option('--digest <how>', `mail: ${digests.join(', ')}`)
    .option('--hour <h>', 'of the daily mail, 0 to 23')
    .option('--zone <zone>', 'of that hour: Europe/Oslo')
    .option('--mail <kinds>', 'mailed, with commas between')
    .option('--unmail <kinds>', 'not mailed')
    .option('--show <kinds>', 'shown in the centre')
    .option('--hide <kinds>', 'not shown there')
    .description('Shows of what you hear and how; with options, changes it.')
    .action(async (flags: Prefer, command: Command) => {
      const context = open(command)
      const input = changesOf(flags)
      const told =
        Object.keys(input).length === 0
          ? await context.call('notices.preferences', {})
          : await context.call('notices.prefer', input)
      context.print(told, () => preferencesText(told))
    })

  const mail = program.command('mail').description('The mail that this site sends.')

  mail
    .command('show', { isDefault: true })
    .description('Whether it sends any, and how that goes.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const told = await context.call('mail.show', {})
      context.print(told, () =>
        told.state === 'off'
          ? 'This site sends no mail. Name a mail server under "mail" in its config.json, and start it again.'
          : facts([
              ['server', `${told.host}:${told.port}`],
              ['security', told.security],
              ['from', told.from],
              ['state', told.state],
              ['waiting', told.waiting],
              ['last sent', told.lastSentAt === undefined ? undefined : timeText(told.lastSentAt)],
              ['trouble', told.problem],
            ]),
      )
    })

  mail
    .command('test')
    .description('Sends one to you, now.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const told = await context.call('mail.test', {})
      context.print(told, () =>
        told.sent ? 'The mail server took it. Look into your mailbox.' : 'It was not sent.',
      )
      if (told.sent) return
      throw new Fault('unreachable', 'cli.mail', { text: told.problem ?? '' })
    })
}

async function newestOf(context: ReturnType<Open>): Promise<number | undefined> {
  return (await context.call('notices.list', { limit: 1 })).notices[0]?.id
}

function changesOf({ digest, hour, zone, mail, unmail, show, hide }: Prefer) {
  const choices = [
    ...kindsOf(mail).map((kind) => ({ kind, mail: true })),
    ...kindsOf(unmail).map((kind) => ({ kind, mail: false })),
    ...kindsOf(show).map((kind) => ({ kind, centre: true })),
    ...kindsOf(hide).map((kind) => ({ kind, centre: false })),
  ]
  return given({
    choices: choices.length === 0 ? undefined : choices,
    digest: digest === undefined ? undefined : oneOf(digests, digest, 'a way to be mailed'),
    hour: hour === undefined ? undefined : hourOf(hour),
    zone,
  })
}

function kindsOf(text: string | undefined): Kind[] {
  if (text === undefined) return []
  return text.split(',').map((part) => oneOf(noticeKinds, part.trim(), 'a kind of notice'))
}

function oneOf<T extends string>(all: readonly T[], text: string, what: string): T {
  const found = all.find((one) => one === text)
  if (found !== undefined) return found
  throw new Fault('invalid', 'cli.notices', {
    about: text,
    text: `"${visible(text)}" is not ${what}. There are: ${all.join(', ')}.`,
  })
}

function hourOf(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) <= 23) return Number(text)
  throw new Fault('invalid', 'cli.notices', {
    about: text,
    text: 'This is no hour of the day. Write a whole number from 0 to 23.',
  })
}

function preferencesText({ choices, digest, hour, zone, hasMail }: Preferences): string {
  const yes = (is: boolean) => (is ? 'yes' : 'no')
  const how = {
    each: 'each at once',
    daily: `once a day, at ${hour}:00 in ${zone}`,
    off: 'none',
  }[digest]
  const rows = choices.map(({ kind, says, centre, mail, mailed }) => [
    kind,
    yes(centre),
    mailed ? yes(mail) : 'never',
    says,
  ])
  return [
    `mail  ${hasMail ? how : `${how} (but this site sends no mail)`}`,
    '',
    table(['kind', 'centre', 'mail', 'when'], rows),
  ].join('\n')
}
