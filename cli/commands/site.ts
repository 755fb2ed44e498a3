import type { Command } from 'commander'
import { countText, sizeText } from '../../api/words.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Context, Open } from '../context.ts'
import { facts, timeText } from '../show.ts'

export function addSite(program: Command, open: Open): void {
  program
    .command('site')
    .description('Who we are: fingerprint, addresses, health.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const site = await context.call('site.show', {})
      context.print(site, () =>
        facts([
          ['name', site.name],
          ['site', site.site],
          ['fingerprint', site.fingerprint],
          ...site.addresses.map((address) => ['address', address] as const),
          ...(site.lane === undefined ? [] : [['lanes', site.lane] as const]),
          ['health', site.health.fault?.text ?? site.health.state],
          ['version', site.version],
          ['running since', timeText(site.startedAt)],
          ['you', `${site.you.email}, ${site.you.role}`],
        ]),
      )
    })

  program
    .command('verify')
    .description('Reads and hashes every byte that the site holds.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      printVerified(context, await context.call('site.verify', {}))
    })

  program
    .command('backup')
    .argument('<dir>', 'a new folder')
    .description('Copies journal, key and store into a new folder.')
    .action(async (dir: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const copied = await context.call('site.backup', { folder: context.path(dir) })
      context.print(copied, () => {
        const { folder, files, bytes } = copied
        return `Copied ${countText(files, 'file')}, ${sizeText(bytes)}, to ${folder}`
      })
    })
}

/** What is bad is listed, and the exit code says so. */
export function printVerified(
  context: Context,
  verified: { files: number; bytes: number; bad: string[] },
): void {
  const { files, bytes, bad } = verified
  context.print(verified, () => `${countText(files, 'file')} verified, ${sizeText(bytes)}.`)
  if (bad.length === 0) return
  const [what, they] =
    bad.length === 1 ? ['One file is', 'it'] : [`${bad.length} files are`, 'they']
  throw new Fault('corrupt', 'cli.verify', {
    text: `${what} not what ${they} should be, or gone. Restore from another copy, or update the dataset.`,
    list: bad,
  })
}
