import type { Command } from 'commander'
import { pageItemsMax } from '../../api/inputs.ts'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'
import type { DatasetId, ProjectId, WorkflowId } from '../../protocol/ids.ts'
import type { Context, Open } from '../context.ts'
import { collect, given, idOf, pairOf } from '../options.ts'
import { facts, listText, table, timeText } from '../show.ts'
import { tellFlagged, versionOf, versionTable } from './datasets.ts'

type WorkflowView = Told<'workflows.list'>[number]
type Documented = {
  format?: string
  results?: string
  ref: string[]
  input: string[]
  allowUnbound?: boolean
}
type Adding = Documented & { dataset: string; version?: string; project?: string }

const workflowOf = (text: string) => idOf<WorkflowId>(text, 'workflow')

export function addWorkflows(program: Command, open: Open): void {
  const workflow = program
    .command('workflow')
    .description('Analyses of a dataset: a document and its results.')
  addMaking(workflow, open)
  addLooking(workflow, open)
  addUsing(workflow, open)
}

function documented(command: Command): Command {
  return command
    .option('--format <name>', 'what it is; json, galaxy and opaque also say how it is read')
    .option('--results <dir>', 'a folder with what it computed')
    .option(
      '--ref <pointer>',
      'a further place that names the dataset; may be repeated',
      collect,
      [],
    )
    .option('--input <label=path>', 'what a slot reads; may be repeated', collect, [])
    .option('--allow-unbound', 'although the document names other datasets too')
}

function documentInput(context: Context, document: string, flags: Documented) {
  const inputs = flags.input.map((text) => {
    const [label, path] = pairOf(text, '--input', '--input "image=plate 1/a.tif"')
    return { label, path }
  })
  return given({
    document: context.path(document),
    format: flags.format,
    results: flags.results === undefined ? undefined : context.path(flags.results),
    // Not given leaves what the version before had.
    refs: flags.ref.length === 0 ? undefined : flags.ref,
    inputs: inputs.length === 0 ? undefined : inputs,
    allowUnbound: flags.allowUnbound,
  })
}

function addMaking(workflow: Command, open: Open): void {
  documented(
    workflow
      .command('add')
      .argument('<name>')
      .argument('<document>', 'a file')
      .requiredOption('--dataset <id>', 'what it is about')
      .option('--version <number>', 'of the dataset, instead of the newest')
      .option('--project <id>', 'instead of the project of the dataset'),
  )
    .description('Makes a workflow, bound to a dataset.')
    .action(async (name: string, document: string, flags: Adding, command: Command) => {
      const context = open(command)
      const { project } = flags
      const input = given({
        name,
        ...documentInput(context, document, flags),
        dataset: idOf<DatasetId>(flags.dataset, 'dataset'),
        version: versionOf(flags),
        project: project === undefined ? undefined : idOf<ProjectId>(project, 'project'),
      })
      printAdded(context, await context.call('workflows.add', input))
    })

  documented(workflow.command('update').argument('<id>').argument('<document>', 'a file'))
    .description('Makes the next version. Results that are not given stay.')
    .action(async (id: string, document: string, flags: Documented, command: Command) => {
      const context = open(command)
      const input = { id: workflowOf(id), ...documentInput(context, document, flags) }
      printAdded(context, await context.call('workflows.update', input))
    })
}

function addLooking(workflow: Command, open: Open): void {
  workflow
    .command('list', { isDefault: true })
    .option('--mine', 'only those in your personal project and those you own')
    .option('--dataset <id>')
    .description('The workflows that you may read.')
    .action(async (flags: { mine?: boolean; dataset?: string }, command: Command) => {
      const context = open(command)
      const dataset =
        flags.dataset === undefined ? undefined : idOf<DatasetId>(flags.dataset, 'dataset')
      const list: WorkflowView[] = []
      for (let after: WorkflowId | undefined, more = true; more; after = list.at(-1)?.id) {
        const page = await context.call(
          'workflows.list',
          given({ mine: flags.mine, dataset, after }),
        )
        list.push(...page)
        more = page.length === pageItemsMax
      }
      context.print(list, () =>
        listText(
          ['id', 'name', 'version', 'format', 'dataset', 'project', 'owned'],
          list.map((one) => [
            one.id,
            one.name,
            one.version,
            one.format,
            one.dataset,
            one.project,
            one.mine ? 'yes' : '',
          ]),
          'There are no workflows here that you may see. Add one: crossload workflow add NAME DOCUMENT --dataset ID',
        ),
      )
    })

  workflow
    .command('show')
    .argument('<id>')
    .description('One workflow, and what it is bound to.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const shown = await context.call('workflows.show', { id: workflowOf(id) })
      context.print(shown, () => told(shown))
    })

  workflow
    .command('versions')
    .argument('<id>')
    .description('Its versions, and where they came from.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const versions = await context.call('workflows.versions', { id: workflowOf(id) })
      context.print(versions, () => versionTable(versions))
    })
}

function addUsing(workflow: Command, open: Open): void {
  workflow
    .command('export')
    .argument('<id>')
    .argument('<dir>', 'a new folder')
    .option('--version <number>')
    .option('--canonical', 'the form that travels, instead of the one bound to your dataset')
    .description('Writes the document and its results as ordinary files.')
    .action(
      async (
        id: string,
        dir: string,
        flags: { version?: string; canonical?: boolean },
        command: Command,
      ) => {
        const context = open(command)
        const input = given({
          id: workflowOf(id),
          folder: context.path(dir),
          version: versionOf(flags),
          canonical: flags.canonical,
        })
        const written = await context.call('workflows.export', input)
        context.print(written, () => {
          const { folder, document, job, files } = written
          const names = [document, ...(job === undefined ? [] : [job])].map(visible).join(' and ')
          return `Wrote ${names}, with ${countText(files, 'result file')}, to ${visible(folder)}`
        })
      },
    )

  workflow
    .command('remove')
    .argument('<id>')
    .description('Takes it out of every list.')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = open(command)
      const removed = await context.call('workflows.remove', { id: workflowOf(id) })
      context.print(removed, () => `Workflow ${id} is removed.`)
    })
}

function printAdded(context: Context, added: Told<'workflows.add'>): void {
  const { id, version, dataset, datasetVersion, unbound, open } = added
  context.print(added, () => {
    return `Workflow ${id}, version ${version}, bound to dataset ${dataset}, version ${datasetVersion}.`
  })
  if (unbound.length > 0) {
    context.tell(`Left as they are, naming another dataset: ${unbound.map(visible).join(', ')}`)
  }
  if (open.length > 0) {
    context.tell(`Slots that nothing is bound to yet: ${open.map(visible).join(', ')}`)
    context.tell(`Bind them: crossload workflow update ${id} DOCUMENT --input SLOT=PATH`)
  }
  tellFlagged(context, added.flagged)
}

function told(workflow: WorkflowView): string {
  const { refs, inputs, origin } = workflow
  const head = facts([
    ['workflow', workflow.id],
    ['name', workflow.name],
    ['version', workflow.version],
    ['format', workflow.format],
    ['bound to', `dataset ${workflow.dataset}, version ${workflow.datasetVersion}`],
    ['dataset root', workflow.datasetRoot],
    ['document', workflow.document],
    ['results', countText(workflow.files - 1, 'file')],
    ['refs', refs.length],
    ['project', workflow.project],
    [
      'owned',
      workflow.mine ? 'yes: you may send it' : 'no: only owners of the project may send it',
    ],
    ['from', origin && `workflow ${origin.id} at ${origin.alias ?? origin.site}`],
    ['changed', timeText(workflow.changedAt)],
  ])
  if (inputs.length === 0) return head
  const reads = table(
    ['input', 'path', 'content'],
    inputs.map(({ label, path, cid }) => [label, path, cid]),
  )
  return `${head}\n\n${reads}`
}
