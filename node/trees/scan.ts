/**
 * What lies under a path, in the order of a manifest. Only files and empty folders are found;
 * everything else goes to `refusals` with its reason, and the walk goes on. It waits for the disk at
 * every step, so it runs in the reader's thread (`reader.ts`) and nowhere else.
 */
import { accessSync, type BigIntStats, constants, lstatSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { asFault } from '../../protocol/fault.ts'
import { flagPath, foldPath, printable, whyRefused } from '../../protocol/paths.ts'
import { likeOthers, type Names, readNames } from './names.ts'
import { type Refusal, type Refusals, refusalOf } from './refusals.ts'

export type Found = {
  /** In the tree. */
  path: string
  /** On the disk, without links. */
  at: string
  kind: 'file' | 'dir'
  /** Absent for a file that only its folder was asked about; whoever opens it learns more. */
  stat?: BigIntStats | undefined
}

export type Links = 'refuse' | 'follow'

export type ScanOptions = {
  links: Links
  refusals: Pick<Refusals, 'add'>
  /**
   * Look at every file and ask whether it may be read; whoever opens them anyway need not.
   */
  look?: boolean | undefined
  /** Called once for a name that another system may not hold, or may take for its neighbour. */
  flag?: ((path: string, reason: string) => void) | undefined
}

/** A folder that is being walked. */
type Frame = { tree: string; at: string; names: Names; next: number }

/** `path` is a folder or a single file. A link given as `path` itself stands for its target. */
export function* scan(path: string, o: ScanOptions): Generator<Found> {
  const top = openTop(path, o)
  if (top === undefined) return
  if (top.kind === 'file') return yield top
  const stack: Frame[] = []
  function enter(tree: string, at: string): 'empty' | 'entered' | 'refused' {
    const names = namesIn(tree, at, o)
    if (names === undefined) return 'refused'
    if (names.count === 0) return 'empty'
    stack.push({ tree, at, names, next: 0 })
    return 'entered'
  }
  enter('', top.at)
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (frame.next === frame.names.count) {
      stack.pop()
      continue
    }
    const index = frame.next++
    const name = frame.names.text(index)
    if (name === undefined) continue
    const tree = inFolder(frame.tree, name)
    if (whyRefused(tree) !== undefined) continue
    const at = `${frame.at}/${name}`
    const found: Found | undefined =
      o.look !== true && frame.names.isFile(index)
        ? { path: tree, at, kind: 'file' }
        : look(tree, at, stack, o)
    if (found?.kind === 'file') yield found
    else if (found !== undefined && enter(found.path, found.at) === 'empty') yield found
  }
}

const inFolder = (tree: string, name: string) => (tree === '' ? name : `${tree}/${name}`)

function openTop(path: string, o: ScanOptions): Found | undefined {
  const name = basename(path)
  try {
    const at = realpathSync.native(path)
    const stat = lstatSync(at, { bigint: true })
    if (stat.isDirectory()) return { path: '', at, kind: 'dir', stat }
    const reason = whyRefused(name)
    if (reason !== undefined) {
      o.refusals.add(printable(path), reason, 'invalid')
      return undefined
    }
    const why = flagPath(name)
    if (why !== undefined) o.flag?.(name, why)
    return judge(name, at, stat, o)
  } catch (thrown) {
    throw asFault(thrown, 'tree.scan', printable(path))
  }
}

/** The names of a folder, in order. Those that no tree may hold are refused; the walk leaves them out. */
function namesIn(tree: string, at: string, o: ScanOptions): Names | undefined {
  let names: Names
  try {
    names = readNames(at)
  } catch (thrown) {
    refuse(tree === '' ? at : tree, thrown, o)
    return undefined
  }
  for (let i = 0; i < names.count; i++) {
    const name = names.text(i)
    const reason =
      name === undefined ? 'the name is not valid UTF-8' : whyRefused(inFolder(tree, name))
    if (reason === undefined) continue
    o.refusals.add(printable(inFolder(tree, name ?? spelled(names.bytes(i)))), reason, 'invalid')
  }
  if (o.flag !== undefined) flagNames(tree, names, o.flag)
  return names
}

function flagNames(tree: string, names: Names, flag: (path: string, reason: string) => void): void {
  const folds = new Map<string, string>()
  const isLikeOthers = likeOthers(names)
  for (let i = 0; i < names.count; i++) {
    const name = names.text(i)
    if (name === undefined || whyRefused(inFolder(tree, name)) !== undefined) continue
    const path = inFolder(tree, name)
    const why = flagPath(name)
    if (why !== undefined) flag(path, why)
    if (!isLikeOthers(i)) continue
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

function look(
  path: string,
  at: string,
  above: readonly Frame[],
  o: ScanOptions,
): Found | undefined {
  try {
    const stat = lstatSync(at, { bigint: true })
    if (!stat.isSymbolicLink()) return judge(path, at, stat, o)
    const target = o.links === 'follow' ? targetOf(at) : undefined
    const folders = above.map((one) => one.at)
    const reason = whyNotFollowed(target, folders, o)
    if (target === undefined || reason !== undefined) {
      o.refusals.add(printable(path), reason ?? 'it is a link', 'invalid')
      return undefined
    }
    return judge(path, target, lstatSync(target, { bigint: true }), o)
  } catch (thrown) {
    refuse(path, thrown, o)
    return undefined
  }
}

/** Undefined when it leads to nothing. */
function targetOf(link: string): string | undefined {
  try {
    return realpathSync.native(link)
  } catch {
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

function judge(path: string, at: string, stat: BigIntStats, o: ScanOptions): Found | undefined {
  if (stat.isDirectory()) return { path, at, kind: 'dir', stat }
  if (stat.isFile()) {
    if (o.look) accessSync(at, constants.R_OK)
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
