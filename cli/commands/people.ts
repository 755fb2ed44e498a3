import type { Command } from 'commander'
import { Fault } from '../../protocol/fault.ts'
import { parseEmail } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { durationOf, given } from '../options.ts'
import { table, timeText } from '../show.ts'

type Token = { label?: string; metrics?: boolean; readOnly?: boolean; expires?: string }
type Added = { name?: string; administrator?: boolean }

export function addPeople(program: Command, open: Open): void {
  const people = program.command('people').description('Who has an account at this site.')

  people
    .command('list', { isDefault: true })
    .description('Everybody, with role and state.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('people.list', {})
      context.print(list, () =>
        table(
          ['id', 'email', 'name', 'role', 'state'],
          list.map((one) => [one.id, one.email, one.name, one.role, one.state]),
        ),
      )
    })

  people
    .command('add')
    .argument('<email>')
    .option('--name <name>')
    .option('--administrator', 'may run the site')
    .description('Gives a person an account and a personal project.')
    .action(async (email: string, flags: Added, command: Command) => {
      const context = open(command)
      const role = flags.administrator ? 'administrator' : 'member'
      const input = given({ email: parseEmail(email), name: flags.name, role } as const)
      const user = await context.call('people.add', input)
      context.print(user, () => `${user.email} is ${user.role} ${user.id} of this site.`)
      const { email: to } = user
      context.tell(
        `Next: crossload people link ${to}, or for programs: crossload people token ${to}`,
      )
    })

  people
    .command('token')
    .argument('<email>')
    .option('--label <text>', 'what it is for')
    .option('--read-only', 'may change nothing')
    .option('--metrics', 'may read /metrics and nothing else')
    .option('--expires <time>', 'how long it is good: 48h, 90d')
    .description('Makes a token for CROSSLOAD_TOKEN. It is shown this once.')
    .action(async (email: string, flags: Token, command: Command) => {
      const context = open(command)
      const input = given({
        email: parseEmail(email),
        label: flags.label,
        scope: scopeOf(flags),
        expiresMs: flags.expires === undefined ? undefined : durationOf(flags.expires),
      })
      const made = await context.call('people.token', input)
      context.print(made, () => made.token)
    })

  people
    .command('link')
    .argument('<email>')
    .option('--mail', 'send it to them')
    .description('Makes a one-time link to choose a password by. It is shown this once.')
    .action(async (email: string, { mail }: { mail?: boolean }, command: Command) => {
      const context = open(command)
      const input = given({ email: parseEmail(email), mail })
      const made = await context.call('people.link', input)
      context.print(made, () => made.link)
      context.tell(`It is good once, until ${made.expiresAt}. An older link of theirs has ended.`)
      if (made.mail?.sent) context.tell(`It was mailed to ${made.email}.`)
      else if (made.mail !== undefined) {
        throw new Fault('unreachable', 'cli.people', {
          text: `It was not mailed. ${made.mail.problem} The link above is good: hand it over by another way.`,
        })
      }
    })

  people
    .command('logins')
    .argument('<email>')
    .option('--end', 'they end; the next login there may bind the account anew')
    .description('Where a person is known who logs in at an institution.')
    .action(async (email: string, flags: { end?: boolean }, command: Command) => {
      const context = open(command)
      const input = { email: parseEmail(email) }
      const list = await context.call(flags.end ? 'people.remove-logins' : 'people.logins', input)
      context.print(list, () =>
        table(
          ['id', 'issuer', flags.end ? 'ended' : 'since'],
          list.map((one) => [one.id, one.issuer, flags.end ? 'yes' : timeText(one.boundAt)]),
        ),
      )
    })

  people
    .command('remove')
    .argument('<email>')
    .description('Ends an account and all its tokens. What it owns stays.')
    .action(async (email: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const user = await context.call('people.remove', { email: parseEmail(email) })
      context.print(user, () => `${email} has no account here any more.`)
    })
}

function scopeOf({ readOnly, metrics }: Token): 'read' | 'metrics' | undefined {
  if (metrics) return 'metrics'
  return readOnly ? 'read' : undefined
}
