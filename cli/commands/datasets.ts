import type { Command } from 'commander'
import { pageItemsMax } from '../../api/inputs.ts'
import type { Asked, Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import type { DatasetId, ProjectId } from '../../protocol/ids.ts'
import type { Context, Open } from '../context.ts'
import { collect, countOf, given, idOf, pairsOf } from '../options.ts'
import { facts, jsonText, listText, table, timeText } from '../show.ts'
import { depositRows } from '../transfer-text.ts'
import { addDownload } from './download.ts'
import { printVerified } from './site.ts'

type DatasetView = Told<'datasets.list'>[number]
type VersionView = Told<'datasets.versions'>[number]
type Reading = { inPlace?: boolean; links?: 'refuse' | 'follow' }
type Adding = Reading & { project?: string; meta: string[] }
type Version = { version?: string }
type Looking = Version & { search?: string; limit?: string }

const datasetOf = (text: string) => idOf<DatasetId>(text, 'dataset')

export function addDatasets(program: Command, open: Open): void {
  const dataset = program
    .command('dataset')
    .description('Files under one name, in versions that never change.')
  addMaking(dataset, open)
  addLooking(dataset, open)
  addUsing(dataset, open)
}

function addMaking(dataset: Command, open: Open): void {
  dataset
    .command('add')
    .argument('<name>')
    .argument('<path>', 'a folder or a file')
    .option('--project <id>', 'instead of your personal one')
    .option('--in-place', 'leave the files where they are instead of copying them')
    .option('--meta <key=value>', 'may be repeated', collect, [])
    .option('--links <how>', 'symbolic links: refuse, or follow those that stay inside', 'refuse')
    .description(
      'Makes a dataset of what is at the path. It is not laid out in a deposit folder: only what arrives is.',
    )
    .action(async (name: string, path: string, flags: Adding, command: Command) => {
      const context = open(command)
      const input = given({
        name,
        path: context.path(path),
        project:
          flags.project === undefined ? undefined : idOf<ProjectId>(flags.project, 'project'),
        inPlace: flags.inPlace,
        meta: pairsOf(flags.meta, '--meta'),
        links: flags.links,
      })
      printAdded(context, await context.call('datasets.add', input))
    })

  dataset
    .command('update')
    .argument('<id>')
    .argument('<path>', 'a folder or a file')
    .option('--in-place', 'leave the files where they are instead of copying them')
    .option('--links <how>', 'symbolic links: refuse, or follow those that stay inside', 'refuse')
    .description(
      'Makes the next version of what is at the path. It is not laid out in a deposit folder.',
    )
    .action(async (id: string, path: string, flags: Reading, command: Command) => {
      const context = open(command)
      const input = given({ id: datasetOf(id), path: context.path(path), ...flags })
      printAdded(context, await context.call('datasets.update', input))
    })

  dataset
    .command('meta')
    .argument('<id>')
    .argument('[key=value...]')
    .option('--remove <key>', 'may be repeated', collect, [])
    .description('Sets and takes away metadata.')
    .action(async (id: string, pairs: string[], flags: { remove: string[] }, command: Command) => {
      const context = open(command)
      const removed = Object.fromEntries(flags.remove.map((key) => [key, null]))
      const changes = { ...removed, ...pairsOf(pairs, 'meta ID') }
      const shown = await context.call('datasets.meta', { id: datasetOf(id), changes })
      context.print(shown, () => told(shown))
    })
}

function addLooking(dataset: Command, open: Open): void {
  dataset
    .command('list', { isDefault: true })
    .option('--mine', 'only those in your personal project and those you own')
    .option('--project <id>')
    .description('The datasets that you may read.')
    .action(async (flags: { mine?: boolean; project?: string }, command: Command) => {
      const context = open(command)
      const project =
        flags.project === undefined ? undefined : idOf<ProjectId>(flags.project, 'project')
      const list: DatasetView[] = []
      for (let after: DatasetId | undefined, more = true; more; after = list.at(-1)?.id) {
        const page = await context.call(
          'datasets.list',
          given({ mine: flags.mine, project, after }),
        )
        list.push(...page)
        more = page.length === pageItemsMax
      }
      context.print(list, () =>
        listText(
          ['id', 'name', 'version', 'files', 'size', 'project', 'owned'],
          list.map((one) => [
            one.id,
            one.name,
            one.version,
            one.files,
            sizeText(one.bytes),
            one.project,
            one.mine ? 'yes' : '',
          ]),
          'There are no datasets here that you may see. Add one: crossload dataset add NAME PATH',
        ),
      )
    })

  dataset
    .command('show')
    .argument('<id>')
    .description('One dataset.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const shown = await context.call('datasets.show', { id: datasetOf(id) })
      context.print(shown, () => told(shown))
    })

  dataset
    .command('versions')
    .argument('<id>')
    .description('Its versions, and where they came from.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const versions = await context.call('datasets.versions', { id: datasetOf(id) })
      context.print(versions, () => versionTable(versions))
    })

  dataset
    .command('files')
    .argument('<id>')
    .option('--version <number>')
    .option('--search <text>', 'only those that have this in their path, in capitals or not')
    .option('--limit <number>', 'no more than so many')
    .description('Its files, with size and CID.')
    .action(async (id: string, flags: Looking, command: Command) => {
      const context = open(command)
      const { stdout } = context.world
      const input = given({
        id: datasetOf(id),
        version: versionOf(flags),
        search: flags.search,
        limit: flags.limit === undefined ? undefined : countOf(flags.limit, '--limit'),
      })
      let first = true
      // A page at a time, so that a million files take no more memory than a thousand.
      for await (const page of pagesOf(context, input)) {
        let text = ''
        for (const file of page) {
          if (context.json) text += `${first ? '[' : ',\n'}${jsonText(file)}`
          else text += `${sizeText(file.size).padStart(8)}  ${visible(file.path)}\n`
          first = false
        }
        stdout.write(text)
      }
      if (context.json) stdout.write(first ? '[]\n' : ']\n')
    })
}

function addUsing(dataset: Command, open: Open): void {
  dataset
    .command('export')
    .argument('<id>')
    .argument('<dir>', 'a new folder')
    .option('--version <number>')
    .description('Writes it as ordinary files.')
    .action(async (id: string, dir: string, flags: Version, command: Command) => {
      const context = open(command)
      const version = versionOf(flags)
      const input = given({ id: datasetOf(id), folder: context.path(dir), version })
      const written = await context.call('datasets.export', input)
      context.print(written, () => {
        const { files, bytes, folder } = written
        return `Wrote ${countText(files, 'file')}, ${sizeText(bytes)}, to ${visible(folder)}`
      })
    })

  addDownload(dataset, open)

  dataset
    .command('verify')
    .argument('<id>')
    .option('--version <number>')
    .description('Reads and hashes every file of it.')
    .action(async (id: string, flags: Version, command: Command) => {
      const context = open(command)
      const input = given({ id: datasetOf(id), version: versionOf(flags) })
      printVerified(context, await context.call('datasets.verify', input))
    })

  dataset
    .command('remove')
    .argument('<id>')
    .description('Takes it out of every list. Workflows bound to it stay bound.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const removed = await context.call('datasets.remove', { id: datasetOf(id) })
      context.print(removed, () => `Dataset ${id} is removed.`)
    })
}

type Pages = Omit<Asked<'datasets.files'>, 'after'>

/** All that is asked for, or the first `limit` of it. */
async function* pagesOf(context: Context, { limit = Number.POSITIVE_INFINITY, ...input }: Pages) {
  let after: string | undefined
  let left = limit
  do {
    const page: Told<'datasets.files'> = await context.call(
      'datasets.files',
      given({ ...input, after, limit: left < pageItemsMax ? left : undefined }),
    )
    yield page.files
    left -= page.files.length
    after = page.next
  } while (after !== undefined && left > 0)
}

export function versionOf({ version }: Version): number | undefined {
  return version === undefined ? undefined : idOf<number>(version, 'version')
}

function printAdded(context: Context, added: Told<'datasets.add'>): void {
  const { id, version, files, bytes, flagged } = added
  context.print(added, () => {
    const what = `${countText(files, 'file')}, ${sizeText(bytes)}`
    return `Dataset ${id}, version ${version}: ${what}.`
  })
  tellFlagged(context, flagged)
}

/** Names that are fine here and may trouble others. */
export function tellFlagged(context: Context, flagged: readonly string[]): void {
  if (flagged.length === 0) return
  context.tell('Some names may trouble other systems; they travel as they are:')
  for (const path of flagged.slice(0, 10)) context.tell(`  ${visible(path)}`)
  if (flagged.length > 10) context.tell(`  … and ${flagged.length - 10} more`)
}

function told(dataset: DatasetView & Pick<Told<'datasets.show'>, 'deposit'>): string {
  return facts([
    ['dataset', dataset.id],
    ['name', dataset.name],
    ['version', dataset.version],
    ['files', countText(dataset.files, 'file')],
    ['size', `${sizeText(dataset.bytes)} (${dataset.bytes} bytes)`],
    ['root', dataset.root],
    ['project', dataset.project],
    ['owned', dataset.mine ? 'yes: you may send it' : 'no: only owners of the project may send it'],
    ['kept', dataset.inPlace ? 'in place' : 'in the store'],
    ['changed', timeText(dataset.changedAt)],
    ...depositRows(dataset.deposit),
    ...Object.entries(dataset.meta).map(([key, value]) => [visible(key), value] as const),
  ])
}

export function versionTable(versions: readonly VersionView[]): string {
  return table(
    ['version', 'files', 'size', 'by', 'from', 'at', 'root'],
    versions.map(({ version, files, bytes, by, origin, addedAt, root }) => {
      const from = origin && `${origin.id} v${origin.version} at ${origin.alias ?? origin.site}`
      return [version, files, sizeText(bytes), by, from, timeText(addedAt), root]
    }),
  )
}
