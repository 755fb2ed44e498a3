/**
 * What lies under a path, in the order of a manifest. Only files and empty folders are found;
 * everything else goes to `refusals` with its reason, and the walk goes on.
 */
import type { BigIntStats } from 'node:fs'
import { access, constants, lstat, readdir, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { asFault } from '../../protocol/fault.ts'
import { flagPath, foldPath, printable, whyRefused } from '../../protocol/paths.ts'
import { type Refusal, type Refusals, refusalOf } from './refusals.ts'

export type Found = {
  /** In the tree. */
  path: string
  /** On the disk, without links. */
  at: string
  kind: 'file' | 'dir'
  stat: BigIntStats
}

export type Links = 'refuse' | 'follow'

export type ScanOptions = {
  links: Links
  signal?: AbortSignal | undefined
  refusals: Refusals
  /** Also ask whether every file may be read; who opens them anyway need not. */
  readable?: boolean | undefined
  /** Called once for a name that another system may not hold, or may take for its neighbour. */
  flag?: ((path: string, reason: string) => void) | undefined
}

/** Names looked at together; a folder of a million is not held with all its facts at once. */
const namesAtOnce = 128

/** A folder that is being walked. */
type Frame = { tree: string; at: string; names: string[]; next: number; ready: Found[] }

/** `path` is a folder or a single file. A link given as `path` itself stands for its target. */
export async function* scan(path: string, o: ScanOptions): AsyncGenerator<Found> {
  const top = await openTop(path, o)
  if (top === undefined) return
  if (top.kind === 'file') return yield top
  const stack: Frame[] = []
  async function enter(tree: string, at: string): Promise<'empty' | 'entered' | 'refused'> {
    const names = await namesIn(tree, at, o)
    if (names === undefined) return 'refused'
    if (names.length === 0) return 'empty'
    stack.push({ tree, at, names, next: 0, ready: [] })
    return 'entered'
  }
  await enter('', top.at)
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    o.signal?.throwIfAborted()
    const found = frame.ready.pop()
    if (found !== undefined) {
      if (found.kind === 'file' || (await enter(found.path, found.at)) === 'empty') yield found
    } else if (frame.next < frame.names.length) {
      const names = frame.names.slice(frame.next, frame.next + namesAtOnce)
      frame.next += names.length
      const above = stack.map((one) => one.at)
      const { tree, at } = frame
      const looked = await Promise.all(
        names.map((name) => look(inFolder(tree, name), `${at}/${name}`, above, o)),
      )
      // In reverse, so that taking from the end gives them in order.
      frame.ready = looked.filter((one) => one !== undefined).reverse()
    } else stack.pop()
  }
}

const inFolder = (tree: string, name: string) => (tree === '' ? name : `${tree}/${name}`)

async function openTop(path: string, o: ScanOptions): Promise<Found | undefined> {
  const name = basename(path)
  try {
    const at = await realpath(path)
    const stat = await lstat(at, { bigint: true })
    if (stat.isDirectory()) return { path: '', at, kind: 'dir', stat }
    const reason = whyRefused(name)
    if (reason !== undefined) {
      o.refusals.add(printable(path), reason, 'invalid')
      return undefined
    }
    const why = flagPath(name)
    if (why !== undefined) o.flag?.(name, why)
    return await judge(name, at, stat, o)
  } catch (thrown) {
    throw asFault(thrown, 'tree.scan', printable(path))
  }
}

/** The names of a folder, in order. Those that no tree may hold are refused and left out. */
async function namesIn(tree: string, at: string, o: ScanOptions): Promise<string[] | undefined> {
  let raw: Buffer[]
  try {
    raw = await readdir(at, { encoding: 'buffer' })
  } catch (thrown) {
    refuse(tree === '' ? at : tree, thrown, o)
    return undefined
  }
  const names: string[] = []
  for (const bytes of raw.sort(Buffer.compare)) {
    const name = bytes.toString('utf8')
    const isUtf8 = Buffer.from(name).equals(bytes)
    const reason = isUtf8 ? whyRefused(inFolder(tree, name)) : 'the name is not valid UTF-8'
    if (reason === undefined) names.push(name)
    else
      o.refusals.add(printable(inFolder(tree, isUtf8 ? name : spelled(bytes))), reason, 'invalid')
  }
  if (o.flag !== undefined) flagNames(tree, names, o.flag)
  return names
}

function flagNames(
  tree: string,
  names: string[],
  flag: (path: string, reason: string) => void,
): void {
  const folds = new Map<string, string>()
  for (const name of names) {
    const path = inFolder(tree, name)
    const why = flagPath(name)
    if (why !== undefined) flag(path, why)
    const fold = foldPath(name)
    const other = folds.get(fold)
    if (other === undefined) folds.set(fold, name)
    else flag(path, `some systems take it for the same name as ${printable(other)}`)
  }
}

/** Bytes that are not UTF-8, for a person. */
function spelled(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\x7f-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)
}

async function look(
  path: string,
  at: string,
  above: string[],
  o: ScanOptions,
): Promise<Found | undefined> {
  try {
    const stat = await lstat(at, { bigint: true })
    if (!stat.isSymbolicLink()) return await judge(path, at, stat, o)
    const target = o.links === 'follow' ? await realpath(at).catch(() => undefined) : undefined
    const reason = whyNotFollowed(target, above, o)
    if (target === undefined || reason !== undefined) {
      o.refusals.add(printable(path), reason ?? 'it is a link', 'invalid')
      return undefined
    }
    return await judge(path, target, await lstat(target, { bigint: true }), o)
  } catch (thrown) {
    refuse(path, thrown, o)
    return undefined
  }
}

/** `above` are the folders that the walk is in, from the top down. */
function whyNotFollowed(
  target: string | undefined,
  above: string[],
  o: ScanOptions,
): string | undefined {
  if (o.links === 'refuse') return 'it is a link; --links follow takes what it points to'
  if (target === undefined) return 'it is a link to nothing'
  if (!isUnder(target, above[0]!)) return 'it is a link that leaves the folder'
  if (above.some((folder) => isUnder(folder, target)))
    return 'it is a link to a folder that it lies in'
  return undefined
}

async function judge(
  path: string,
  at: string,
  stat: BigIntStats,
  o: ScanOptions,
): Promise<Found | undefined> {
  if (stat.isDirectory()) return { path, at, kind: 'dir', stat }
  if (stat.isFile()) {
    if (o.readable) await access(at, constants.R_OK)
    return { path, at, kind: 'file', stat }
  }
  const what = stat.isSocket() ? 'a socket' : stat.isFIFO() ? 'a pipe' : 'a device'
  o.refusals.add(printable(path), `it is ${what}`, 'invalid')
  return undefined
}

/** A failure that is the path's is one refusal; any other ends the walk. */
function refuse(path: string, thrown: unknown, o: ScanOptions): void {
  const refusal: Refusal | undefined = refusalOf(thrown)
  if (refusal === undefined) throw asFault(thrown, 'tree.scan', printable(path))
  o.refusals.add(printable(path), refusal.reason, refusal.kind)
}

function isUnder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
