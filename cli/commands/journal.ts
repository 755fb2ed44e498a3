import type { Command } from 'commander'
import { countText } from '../../api/words.ts'
import type { Open } from '../context.ts'
import { jsonText } from '../show.ts'

export function addJournal(program: Command, open: Open): void {
  const journal = program
    .command('journal')
    .description('The record of everything that ever changed here.')

  journal
    .command('verify', { isDefault: true })
    .description('Checks every record against the chain of hashes.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const checked = await context.call('journal.verify', {})
      context.print(
        checked,
        () => `${countText(checked.records, 'record')}, unbroken. Head ${checked.head}`,
      )
    })

  journal
    .command('export')
    .option('--after <seq>', 'begin behind this record', '0')
    .description('Prints the records, one JSON line each.')
    .action(async (flags: { after: string }, command: Command) => {
      const context = open(command)
      let after: number | undefined = Number(flags.after)
      while (after !== undefined) {
        const page: { records: unknown[]; next?: number | undefined } = await context.call(
          'journal.read',
          { after },
        )
        for (const record of page.records) context.world.stdout.write(`${jsonText(record)}\n`)
        after = page.next
      }
    })
}
