import type { Command } from 'commander'
import type { Told } from '../../api/routes.ts'
import { countText, groupText, sizeText } from '../../api/words.ts'
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import type { Context, Open } from '../context.ts'
import { idOf } from '../options.ts'
import { facts, listText, table, timeText } from '../show.ts'

type Reclaimed = Told<'site.reclaim'>
type Scrub = Told<'site.scrub'>

export function addUpkeep(program: Command, open: Open): void {
  program
    .command('reclaim')
    .option('--dry-run', 'only tell what is held and why')
    .description('Gives back the space of what nobody holds any more.')
    .action(async (flags: { dryRun?: boolean }, command: Command) => {
      const context = open(command)
      const done = await context.call('site.reclaim', { dry: flags.dryRun === true })
      context.print(done, () => reclaimText(done))
    })

  program
    .command('scrub')
    .option('--now', 'read everything now, as fast as the disk')
    .description('How far the reading of every held byte is, and what was found damaged.')
    .action(async (flags: { now?: boolean }, command: Command) => {
      const context = open(command)
      printScrub(context, await context.call(flags.now ? 'site.scrub-now' : 'site.scrub', {}))
    })

  const holds = program.command('hold').description('Datasets whose content stays.')

  holds
    .command('list', { isDefault: true })
    .description('The datasets whose content stays even when they are removed.')
    .action(async (_flags: unknown, command: Command) => {
      const context = open(command)
      const list = await context.call('holds.list', {})
      context.print(list, () =>
        listText(
          ['hold', 'dataset', 'name', 'versions', 'since', 'reason'],
          list.map((one) => [
            String(one.id),
            String(one.dataset),
            one.name,
            one.versions,
            timeText(one.madeAt),
            one.reason,
          ]),
          'Nothing is held. Keep a dataset’s content with: crossload hold add DATASET REASON',
        ),
      )
    })

  holds
    .command('add')
    .argument('<dataset>', 'its ID')
    .argument('<reason>', 'for whoever asks later')
    .description('Keeps the content of a dataset, as it is now, until the hold is released.')
    .action(async (dataset: string, reason: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const held = await context.call('holds.add', {
        dataset: idOf<DatasetId>(dataset, 'dataset'),
        reason,
      })
      context.print(held, () => {
        const versions = countText(held.versions, 'version')
        return `Hold ${held.id} keeps dataset ${held.dataset} (${held.name}), ${versions}.`
      })
    })

  holds
    .command('release')
    .argument('<hold>', 'its ID')
    .description('Ends a hold; what nobody else holds may then be reclaimed.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const held = await context.call('holds.release', { id: idOf(id, 'hold') })
      context.print(held, () => `Hold ${held.id} of dataset ${held.dataset} is released.`)
    })
}

const reasons = [
  ['dataset', 'datasets'],
  ['workflow', 'workflows'],
  ['transfer', 'running transfers'],
  ['hold', 'holds'],
  ['used', 'work under way'],
  ['nobody', 'nobody'],
] as const

function reclaimText({ dry, held, removed, compacted, unreadable }: Reclaimed): string {
  const rows = reasons.map(([key, name]) => [name, held[key].things, sizeText(held[key].bytes)])
  const lines = [table(['held for', 'things', 'size'], rows)]
  if (unreadable.length > 0) {
    lines.push(
      'Nothing can be reclaimed: parts of manifests cannot be read, so nobody knows what they name.',
      ...unreadable.map((line) => `  ${line}`),
      'crossload scrub says who can send them again.',
    )
  } else if (dry) {
    lines.push(
      held.nobody.things === 0
        ? 'There is nothing to reclaim.'
        : `crossload reclaim gives back ${sizeText(held.nobody.bytes)}.`,
    )
  } else {
    const parts = [countText(removed.things, 'thing'), sizeText(removed.bytes)]
    if (removed.partials > 0) parts.push(countText(removed.partials, 'unfinished file'))
    lines.push(`Reclaimed ${parts.join(', ')}.`)
    if (compacted > 0) lines.push(`Rewritten packs gave the disk ${sizeText(compacted)} back.`)
  }
  return lines.join('\n')
}

/** What is damaged is listed, and the exit code says so. */
function printScrub(context: Context, scrub: Scrub): void {
  context.print(scrub, () => scrubText(scrub))
  if (scrub.damagedCount === 0) return
  const more = scrub.damagedCount - scrub.damaged.length
  throw new Fault('corrupt', 'cli.scrub', {
    text:
      scrub.damagedCount === 1
        ? 'One thing is damaged. Ask whoever has it to send it again, or restore it from another copy.'
        : `${groupText(scrub.damagedCount)} things are damaged. Ask whoever has them to send them again, or restore them from another copy.`,
    list: [...scrub.damaged.flatMap(damageLines), ...(more > 0 ? [`… and ${more} more`] : [])],
  })
}

function scrubText(scrub: Scrub): string {
  const { last, state, percent, things, bytes, bytesPerSecond, days } = scrub
  const isBegun = scrub.startedAt !== undefined
  const amount = `${countText(things, 'thing')}, ${sizeText(bytes)}`
  return facts([
    ['every byte within', days === 0 ? 'off: only with crossload scrub --now' : `${days} days`],
    [
      'last full pass',
      last === undefined
        ? 'none yet'
        : `${timeText(last.at)}, ${countText(last.things, 'thing')}, ${sizeText(last.bytes)}`,
    ],
    ['this pass', isBegun ? `${percent}%, ${amount}` : undefined],
    ['rate', state === 'running' ? `at most ${sizeText(bytesPerSecond)}/s` : undefined],
    ['state', state],
    ['damaged', scrub.damagedCount === 0 ? 'nothing' : scrub.damagedCount],
  ])
}

const words = { damaged: 'is damaged', missing: 'is gone', changed: 'has changed where it lies' }

function damageLines(damage: Scrub['damaged'][number]): string[] {
  const { owners, sources, found, place } = damage
  const lines = owners.map(({ kind, id, name, version, path }) => {
    const of = `${kind} ${id}${name === '' ? '' : ` (${name})`}`
    return `${of}${version === undefined ? '' : ` version ${version}`}: ${path} ${words[found]}`
  })
  if (place !== undefined) lines.push(`  it lies at ${place}: put it back, or update the dataset`)
  const first = owners.find(({ kind }) => kind === 'dataset')
  for (const { name, alias, id, version } of sources) {
    const site = alias === undefined ? name : `${name} (${alias})`
    const what = first === undefined ? 'workflow' : 'dataset'
    const to = first === undefined ? '' : `, into dataset ${first.id}`
    lines.push(
      `  ${site} holds it as ${what} ${id} version ${version}: ask them to send it again${to}`,
    )
  }
  if (sources.length === 0 && place === undefined)
    lines.push('  no linked site is known to hold it: restore it from a backup')
  return lines
}
