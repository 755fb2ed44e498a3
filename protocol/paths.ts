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

const encoder = new TextEncoder()

/** The reason why no tree may hold this path; undefined when it may. */
export function whyRefused(path: string): string | undefined {
  if (path === '') return 'the name is empty'
  if (!path.isWellFormed()) return 'the name is not valid UTF-8'
  if (/\p{Cc}/u.test(path)) return 'the name has control characters'
  if (path.startsWith('/')) return 'the path is absolute'
  const bytes = encoder.encode(path)
  if (bytes.byteLength > pathBytesMax) return `the path is over ${pathBytesMax} bytes`
  const components = path.split('/')
  if (components.length > pathDepthMax) return `the path is over ${pathDepthMax} folders deep`
  for (const component of components) {
    if (component === '') return 'the path has an empty component'
    if (component === '.' || component === '..') return 'the path climbs'
    // No component of a short path can be over its cap, and most paths are short.
    if (
      bytes.byteLength > componentBytesMax &&
      encoder.encode(component).byteLength > componentBytesMax
    ) {
      return `a name is over ${componentBytesMax} bytes`
    }
  }
  return undefined
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
  if (unit === 0x2f) return -1
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** True when `path` lies inside `folder`. */
export function isInside(path: string, folder: string): boolean {
  return (
    path.length > folder.length &&
    path.startsWith(folder) &&
    path.charCodeAt(folder.length) === 0x2f
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
