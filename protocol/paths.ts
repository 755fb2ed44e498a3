/**
 * Paths inside a tree. A path travels exactly as it is, byte for byte, because real data has colons,
 * spaces, emoji and decomposed accents. A few cannot travel (`whyRefused`), some will be trouble on
 * another system and are only flagged (`flagPath`).
 */
import { Fault } from './fault.ts'

/** UTF-8 bytes of one component, of a whole path, and the most components of a path. */
export const componentBytesMax = 255
export const pathBytesMax = 1024
export const pathDepthMax = 64

const slash = 0x2f
const dot = 0x2e

/**
 * The reason why no tree may hold this path; undefined when it may. One look at every character, since
 * every path of every tree is asked about, more than once.
 */
export function whyRefused(path: string): string | undefined {
  if (path === '') return 'the name is empty'
  let hasControl = false
  let bytes = 0
  let components = 1
  let ofComponent: string | undefined
  /** Where the component begins, in units, and in bytes of the path before it. */
  let from = 0
  let bytesBefore = 0
  for (let i = 0; i <= path.length; i++) {
    const unit = i < path.length ? path.charCodeAt(i) : slash
    if (unit === slash) {
      ofComponent ??= whyComponentRefused(path, from, i, bytes - bytesBefore)
      if (i === path.length) break
      components++
      bytes++
      from = i + 1
      bytesBefore = bytes
    } else if (unit < 0x80) {
      if (unit < 0x20 || unit === 0x7f) hasControl = true
      bytes++
    } else if (unit < 0x800) {
      if (unit < 0xa0) hasControl = true
      bytes += 2
    } else if (unit < 0xd800 || unit > 0xdfff) bytes += 3
    else {
      const isPair = unit < 0xdc00 && (path.charCodeAt(++i) & 0xfc00) === 0xdc00
      if (!isPair) return 'the name is not valid UTF-8'
      bytes += 4
    }
  }
  if (hasControl) return 'the name has control characters'
  if (path.charCodeAt(0) === slash) return 'the path is absolute'
  if (bytes > pathBytesMax) return `the path is over ${pathBytesMax} bytes`
  if (components > pathDepthMax) return `the path is over ${pathDepthMax} folders deep`
  return ofComponent
}

function whyComponentRefused(
  path: string,
  from: number,
  to: number,
  bytes: number,
): string | undefined {
  if (to === from) return 'the path has an empty component'
  const isDots = to - from <= 2 && path.charCodeAt(from) === dot && path.charCodeAt(to - 1) === dot
  if (isDots) return 'the path climbs'
  return bytes > componentBytesMax ? `a name is over ${componentBytesMax} bytes` : undefined
}

/** Faults `invalid` on a path that no tree may hold. */
export function checkPath(path: string, op = 'paths.check'): void {
  const reason = whyRefused(path)
  if (reason === undefined) return
  const about = printable(path).slice(0, 200)
  throw new Fault('invalid', op, {
    about,
    text: `${about || 'A path'} cannot be in a dataset: ${reason}.`,
  })
}

/**
 * The order of entries: component by component, by UTF-8 bytes, a folder's content right after its
 * own place. That is the order of the bytes with `/` below every other.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** A UTF-16 unit's place among UTF-8 bytes: surrogates stand for characters above all others. */
function rank(unit: number): number {
  if (unit === slash) return -1
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** True when `path` lies inside `folder`. */
export function isInside(path: string, folder: string): boolean {
  return (
    path.length > folder.length &&
    path.startsWith(folder) &&
    path.charCodeAt(folder.length) === slash
  )
}

const windowsNames =
  /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$) *(?:\..*)?$/iu
const actingNames = new Set(['.git', '.ssh', 'desktop.ini', 'autorun.inf'])

/** Why another system, or a person's eye, may stumble over this path; undefined when none should. */
export function flagPath(path: string): string | undefined {
  for (const component of path.split('/')) {
    if (/[<>:"|?*\\]/.test(component)) return 'Windows cannot hold one of <>:"|?*\\ in a name'
    if (/[. ]$/.test(component)) return 'Windows cannot hold a name that ends in a dot or a space'
    if (windowsNames.test(component)) return 'the name is reserved on Windows'
    if (/[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/u.test(component)) {
      return 'the name has invisible characters or changes the direction of writing'
    }
    if (actingNames.has(foldName(component)))
      return 'some programs act on a file of this name by themselves'
  }
  return undefined
}

/**
 * What a file system that ignores case and the form of accents would take for the same path. Equal
 * folds of different paths are flagged.
 */
export function foldPath(path: string): string {
  return path.split('/').map(foldName).join('/')
}

function foldName(name: string): string {
  // ASCII has no other forms, and most names are nothing else.
  if (!/[^\x20-\x7e]/.test(name)) return name.toLowerCase()
  // Up and down again is the full case folding that the language lacks: ſ, ß and K meet s, ss and k.
  return name
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replaceAll('/', '\u2215')
}

/** A path for a message or a terminal: what is invisible or steers a terminal is spelled out. */
export function printable(path: string): string {
  return path
    .toWellFormed()
    .replace(/[\p{Cc}\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu, (c) => {
      return `\\u{${c.codePointAt(0)!.toString(16)}}`
    })
}

/** Of a name made from what people call a thing, in UTF-8 bytes: with an ending it fits everywhere. */
const nameBytesMax = 200

/** A name for people as a name that any file system can hold; `noun` helps out where little is left. */
export function fileNameOf(name: string, noun: string): string {
  const plain = name.replace(/[\p{C}/\\:*?"<>|]/gu, '-').replace(/^\.+/, '')
  const short = new TextDecoder().decode(new TextEncoder().encode(plain).subarray(0, nameBytesMax))
  const trimmed = short.replace(/\ufffd+$/, '').replace(/[. ]+$/, '')
  return trimmed === '' || flagPath(trimmed) !== undefined ? `${noun}-${trimmed}` : trimmed
}
