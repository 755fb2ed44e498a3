/** A workflow as ordinary files: the document for this site's dataset, its results, its job file. */
import { lstat, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import { fileNameOf } from '../../protocol/paths.ts'
import { documentPath, resultsPath } from '../../protocol/workflow.ts'
import type { Clock } from '../base/clock.ts'
import { flushFolder, writeDurably } from '../base/files.ts'
import { type Document, readDocument } from '../rebinding/documents.ts'
import { galaxyJob, galaxySlots } from '../rebinding/galaxy.ts'
import type { Store } from '../store/store.ts'
import { exportTree } from '../trees/export.ts'
import { readContent, type Working } from './contents.ts'
import { renderVersion, type Workflow, type WorkflowVersion } from './workflow.ts'

export type ExportedWorkflow = {
  readonly version: number
  /** Names in the folder. */
  readonly document: string
  readonly job?: string | undefined
  /** Of results. */
  readonly files: number
  readonly bytes: number
}

export type ExportWorkflow = Working & {
  readonly store: Store
  readonly clock: Clock
  readonly workflow: Workflow
  readonly version: WorkflowVersion
  /** Absolute and new. */
  readonly folder: string
  /** Exactly the tree that travels, instead of the form for this site. */
  readonly canonical: boolean
}

/** Written aside and renamed: the folder is there with all of it, or not at all. */
export async function exportWorkflow(o: ExportWorkflow): Promise<ExportedWorkflow> {
  const { store, clock, workflow, version, folder, canonical, ...working } = o
  const { tree } = version
  if (canonical) {
    const { files, bytes } = await exportTree({ store, tree, folder, ...working })
    return { version: version.version, document: documentPath, files, bytes }
  }
  const bytes = await readContent(store, tree, version.document)
  const document = readDocument(bytes, version.format)
  const names = namesFor(workflow.name, document)
  const hidden = Buffer.from(clock.random(6)).toString('hex')
  const aside = join(dirname(folder), `.${basename(folder)}.${hidden}.aside`)
  await checkNew(folder)
  try {
    const exported = await exportTree({ store, tree, folder: aside, ...working })
    await rm(join(aside, documentPath))
    await writeDurably(join(aside, names.document), renderVersion(version, bytes), {
      mode: fileMode,
    })
    const job = jobOf(version, document)
    if (job !== undefined) await writeDurably(join(aside, names.job), job, { mode: fileMode })
    await rename(aside, folder)
    await flushFolder(dirname(folder))
    return {
      version: version.version,
      document: names.document,
      ...(job === undefined ? {} : { job: names.job }),
      files: exported.files - 1,
      bytes: exported.bytes - bytes.byteLength,
    }
  } catch (thrown) {
    await rm(aside, { recursive: true, force: true }).catch(() => {})
    if (working.signal?.aborted) throw thrown
    throw asFault(thrown, 'workflow.export', folder)
  }
}

/** As any new file of a person's; the process's own mask narrows it. */
const fileMode = 0o666

async function checkNew(folder: string): Promise<void> {
  try {
    await lstat(folder)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return
    throw asFault(thrown, 'workflow.export', folder)
  }
  throw new Fault('exists', 'workflow.export', {
    about: folder,
    text: `${folder} is already there. Name a new folder.`,
  })
}

function jobOf(version: WorkflowVersion, document: Document): string | undefined {
  if (document.kind !== 'galaxy' || version.inputs.length === 0) return undefined
  return galaxyJob(galaxySlots(document.text), version.inputs, new Map(version.binding.renamed))
}

const endings = { galaxy: '.ga', json: '.json', opaque: '' } as const

function namesFor(name: string, { kind }: Document): { document: string; job: string } {
  const ending = endings[kind]
  const stem = fileNameOf(
    ending !== '' && name.toLowerCase().endsWith(ending) ? name.slice(0, -ending.length) : name,
    'workflow',
  )
  const document = `${stem}${ending}`
  // The results have their name whatever the workflow is called.
  const isTaken = document.toLowerCase() === resultsPath
  return { document: isTaken ? documentPath : document, job: `${stem}-job.yml` }
}
