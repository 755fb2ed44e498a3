/**
 * What the catalog keeps in the store: a workflow's tree (its canonical document and its results), and
 * the files of any tree by path.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { blockBytes, blocksOf } from '../../protocol/unixfs.ts'
import { documentBytesMax, documentPath, resultsPath } from '../../protocol/workflow.ts'
import type { TreeFile } from '../rebinding/inputs.ts'
import type { Stage, Store } from '../store/store.ts'
import { addTree } from '../trees/add.ts'
import { buildTree, fileEntry, type Timed } from '../trees/build.ts'
import { openTree } from '../trees/trees.ts'

/** How long work is followed and stopped. */
export type Working = {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?:
    | ((progress: {
        files: number
        bytes: number
        /** While something is added; what is exported or verified has its totals in its tree. */
        filesTotal?: number | undefined
        bytesTotal?: number | undefined
      }) => void)
    | undefined
}

/** A person's document. Faults of the disk, `invalid` when it is no file, `unsupported` over the cap. */
export async function readDocumentFile(path: string): Promise<Uint8Array> {
  try {
    // Without this flag the opening of a pipe would wait for whoever writes to it.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const facts = await file.stat()
    if (!facts.isFile()) {
      throw new Fault('invalid', 'workflow.document', {
        about: path,
        text: `${path} is not a file.`,
      })
    }
    if (facts.size > documentBytesMax) throw tooLarge(path, facts.size)
    const bytes = new Uint8Array(await file.readFile())
    if (bytes.byteLength > documentBytesMax) throw tooLarge(path, bytes.byteLength)
    return bytes
  } catch (thrown) {
    throw asFault(thrown, 'workflow.document', path)
  }
}

function tooLarge(about: string, bytes: number): Fault {
  return new Fault('unsupported', 'workflow.document', {
    about,
    text: `A document of ${bytes} bytes is over the cap of ${documentBytesMax}. Put what is large into its results.`,
  })
}

export type StoredContent = {
  readonly tree: Tree
  readonly document: FileCid
  readonly flagged: string[]
}

/**
 * A workflow's tree, durable when it resolves. Results come from a path, or stay those of an earlier
 * tree (`before`), or there are none.
 */
export async function storeContent(
  o: {
    readonly store: Store
    readonly document: Uint8Array
    readonly results?: string | undefined
    readonly before?: Tree | undefined
  } & Working,
): Promise<StoredContent> {
  const { store, document, results, before, ...working } = o
  const added =
    results === undefined
      ? undefined
      : await addTree({ store, path: results, under: resultsPath, ...working })
  await using stage = await store.stage()
  const content = await writeFile(stage, document)
  async function* entries(): AsyncGenerator<Timed> {
    // The canonical document is nobody's file, so it has no time of its own.
    yield { entry: await fileEntry(stage, documentPath, content), time: null }
    const kept = added?.tree ?? before
    if (added?.tree.entries === 0) yield { entry: { kind: 'dir', path: resultsPath }, time: null }
    if (kept !== undefined) yield* resultsIn(store, kept)
  }
  const tree = await buildTree(stage, entries())
  await stage.keep(tree.root)
  return { tree, document: content.cid, flagged: added?.flagged ?? [] }
}

async function writeFile(stage: Stage, bytes: Uint8Array) {
  const writer = await stage.writer()
  for (let at = 0; at < bytes.byteLength; at += blockBytes) {
    await writer.append(bytes.subarray(at, at + blockBytes))
  }
  return writer.end()
}

async function* resultsIn(store: Store, tree: Tree): AsyncGenerator<Timed> {
  const reader = await openTree(store, tree.root, tree.times)
  for await (const timed of reader.walk()) if (timed.entry.path !== documentPath) yield timed
}

/**
 * The document of a workflow's tree, every byte verified. Faults `invalid` when the tree is not that
 * of a workflow with this document: it may come from afar.
 */
export async function readContent(
  store: Store,
  tree: Tree,
  document: FileCid,
): Promise<Uint8Array> {
  const reader = await openTree(store, tree.root)
  const entry = await reader.find(documentPath)
  if (entry?.kind !== 'file' || (await reader.cid(entry)) !== document) {
    throw new Fault('invalid', 'workflow.read', {
      about: document,
      text: 'The tree of the workflow does not have its document.',
    })
  }
  if (entry.size > documentBytesMax) throw tooLarge(document, entry.size)
  await using file = await reader.open(entry)
  const bytes = new Uint8Array(entry.size)
  for (let index = 0; index < blocksOf(entry.size); index++) {
    bytes.set(await file.read(index), index * blockBytes)
  }
  return bytes
}

/** Faults `invalid` unless the tree has a document and results and nothing else. */
export async function checkContent(store: Store, root: Root): Promise<void> {
  for await (const { entry } of (await openTree(store, root)).walk()) {
    const { path } = entry
    if (path === documentPath || path === resultsPath || path.startsWith(`${resultsPath}/`))
      continue
    throw new Fault('invalid', 'workflow.read', {
      about: path,
      text: `The tree of a workflow has ${path}, which is neither its document nor a result.`,
    })
  }
}

/** The files of a tree with their CIDs, in order. */
export async function* filesOf(store: Store, root: Root): AsyncGenerator<TreeFile> {
  for await (const { path, cid } of (await openTree(store, root)).entries())
    if (cid !== undefined) yield { path, cid }
}
