import type { Command } from 'commander'
import type { Asked } from '../../api/routes.ts'
import type { ToldTransfer } from '../../api/shapes.ts'
import { countText, groupText, sizeText, visible } from '../../api/words.ts'
import { Fault } from '../../protocol/fault.ts'
import {
  type ConnectionId,
  type DatasetId,
  parseAddressee,
  type WorkflowId,
} from '../../protocol/ids.ts'
import type { Context, Open } from '../context.ts'
import { checkEnd, followTransfer } from '../follow.ts'
import { collect, destOf, given, idOf } from '../options.ts'
import { table } from '../show.ts'
import { idsText } from '../transfer-text.ts'
import { tellFlagged } from './datasets.ts'

type Input = Asked<'transfers.send'>

type Flags = {
  to: string
  dest?: string
  files: string[]
  withFiles?: boolean
  allow?: boolean
  dryRun?: boolean
  follow?: boolean
  yes?: boolean
}

/** What is about to be sent, in words, before it is. */
type Plan = { input: Input; will: string[] }

/** What never travels: a bundle has no place for it. */
const willNot = ['collaborators', 'groups', 'connections']

export function addSend(program: Command, open: Open): void {
  const send = program.command('send').description('Sends what you own to a connected person.')

  common(send.command('dataset').argument('<id>'))
    .description('Sends a dataset, or the files of it that you choose.')
    .action(async (id: string, flags: Flags, command: Command) => {
      const context = open(command)
      await run(context, flags, await planDataset(context, idOf(id, 'dataset'), flags))
    })

  common(send.command('workflow').argument('<id...>'))
    .option('--with-files', 'its dataset goes with it')
    .description(
      'Sends workflows with their results, to a dataset that is there or with its files.',
    )
    .action(async (ids: string[], flags: Flags, command: Command) => {
      const context = open(command)
      const workflows = ids.map((id) => idOf<WorkflowId>(id, 'workflow'))
      await run(context, flags, await planWorkflows(context, workflows, flags))
    })
}

function common(command: Command): Command {
  return command
    .requiredOption('--to <email@alias>', 'the person, or the ID of the connection')
    .option('--dest <id>', 'a dataset at the destination; 0 makes a new one')
    .option('--files <glob...>', 'only these; may be repeated', collect, [])
    .option('--allow', 'bind workflows although inputs changed or are missing there')
    .option('--dry-run', 'count what would move, and send nothing')
    .option('--follow', 'show how far it is until it has ended')
    .option('--yes', 'do not ask')
}

async function planDataset(context: Context, id: DatasetId, flags: Flags): Promise<Plan> {
  const { name, files, bytes } = await context.call('datasets.show', { id })
  const chosen = flags.files.length === 0 ? undefined : flags.files
  const dest = destOf<DatasetId>(flags.dest ?? '0')
  return {
    input: { to: toOf(flags), dataset: given({ id, files: chosen }), ...allowing(flags), dest },
    will: [
      `dataset ${id} "${visible(name)}": ${filesText(files, bytes, chosen)}`,
      'its name, metadata and modification times',
      dest === 0 ? 'as a new dataset there' : `as a new version of dataset ${dest} there`,
    ],
  }
}

async function planWorkflows(context: Context, ids: WorkflowId[], flags: Flags): Promise<Plan> {
  const shown = await Promise.all(ids.map((id) => context.call('workflows.show', { id })))
  if (!flags.withFiles && flags.dest === undefined) {
    throw new Fault('invalid', 'cli.send', {
      text: await destHint(context, flags, shown[0]!.dataset),
    })
  }
  if (!flags.withFiles && flags.files.length > 0) {
    throw new Fault('invalid', 'cli.send', {
      text: '--files chooses files of the dataset: give --with-files too.',
    })
  }
  const chosen = flags.files.length === 0 ? undefined : flags.files
  const dest = destOf<DatasetId>(flags.dest ?? '0')
  const will = shown.map(({ id, name, files }) => {
    return `workflow ${id} "${visible(name)}" with ${countText(files - 1, 'result file')}`
  })
  if (flags.withFiles) {
    const { id, name, files, bytes } = await context.call('datasets.show', {
      id: shown[0]!.dataset,
    })
    will.push(`its dataset ${id} "${visible(name)}": ${filesText(files, bytes, chosen)}`)
    will.push('its name, metadata and modification times')
  } else will.push(`bound to dataset ${dest} there; no files of the dataset`)
  const input = { to: toOf(flags), workflows: ids, withFiles: flags.withFiles, files: chosen }
  return { input: { ...given(input), ...allowing(flags), dest }, will }
}

function filesText(files: number, bytes: number, chosen: readonly string[] | undefined): string {
  if (chosen === undefined) return `${countText(files, 'file')}, ${sizeText(bytes)}`
  return `of its ${countText(files, 'file')} those that match ${chosen.map(visible).join(' or ')}`
}

function toOf({ to }: Flags): Input['to'] {
  return /^[0-9]+$/.test(to) ? idOf<ConnectionId>(to, 'connection') : parseAddressee(to)
}

function allowing({ allow }: Flags) {
  return allow === true ? { allow } : {}
}

/** Where the dataset went before is most likely where its workflows should go. */
async function destHint(context: Context, flags: Flags, dataset: DatasetId): Promise<string> {
  const hint = 'Give --dest with the ID of the dataset at the destination, or --with-files.'
  const to = toOf(flags)
  if (typeof to === 'number') return hint
  const known = (await context.call('transfers.list', { limit: 1000 })).find(
    (one) =>
      one.state === 'done' &&
      one.direction === 'out' &&
      one.source.dataset === dataset &&
      one.destination.alias === to.alias &&
      one.destination.person === to.email,
  )?.destination.dataset
  if (known === undefined) return hint
  return `${hint} Dataset ${dataset} arrived there as ${known}: --dest ${known}`
}

async function run(context: Context, flags: Flags, { input, will }: Plan): Promise<void> {
  context.say(`Will travel:\n${bullets(will)}`)
  context.say(`Will not travel:\n${bullets(willNot)}`)
  if (flags.dryRun) return dryRun(context, input)
  const { ask } = context.world
  if (!context.json && !flags.yes && ask !== undefined && !(await ask('Send this?'))) {
    throw new Fault('gone', 'cli.send', {
      text: 'Nothing was sent. Say yes, or give --yes, to send it.',
    })
  }
  const sent = await context.call('transfers.send', input)
  if (flags.follow) {
    context.say(`Transfer ${sent.id}`)
    checklist(context, await followTransfer(context, sent.id))
    return
  }
  context.print(sent, () => `Transfer ${sent.id} is ${sent.state}.`)
  if (sent.endedAt !== undefined) return checkEnd(sent)
  if (sent.fault !== undefined) context.tell(visible(sent.fault.text))
  context.tell(`Watch it: crossload transfers follow ${sent.id}`)
}

const bullets = (lines: readonly string[]) => lines.map((line) => `  - ${line}`).join('\n')

async function dryRun(context: Context, input: Input): Promise<void> {
  const counted = await context.call('transfers.dry-run', input)
  const { files, bytes, held, binding } = counted
  context.print(counted, () => {
    const rest = sizeText(bytes - held.bytes)
    const lines = [
      `Chosen: ${countText(files, 'file')}, ${bytes} bytes.`,
      `Held there from us: ${countText(held.files, 'file')}, ${held.bytes} bytes.`,
      `To move: ${groupText(files - held.files)} files, ${bytes - held.bytes} bytes (${rest}).`,
    ]
    if (binding.length > 0) {
      const rows = binding.map(({ label, path, state, now }) => [label, path, state, now])
      lines.push('', table(['input', 'path', 'state', 'there'], rows))
    }
    return lines.join('\n')
  })
  tellFlagged(context, counted.flagged)
  if (binding.some(({ state }) => state === 'changed' || state === 'missing')) {
    context.tell(
      'It would be refused there: inputs changed or are missing. --allow sends it anyway.',
    )
  }
}

/** What stays home on purpose is made again by hand; this is when to say so. */
function checklist(context: Context, { destination }: ToldTransfer): void {
  if (context.json) return
  context.tell(
    [
      '',
      `Now at ${destination.alias ?? 'the destination'}:`,
      `  1. Look at what arrived: ${idsText(destination)}.`,
      '  2. If groups worked on it, make them again: crossload group add NAME',
      '  3. Add its collaborators: crossload project members ID --set EMAIL=member',
    ].join('\n'),
  )
}
