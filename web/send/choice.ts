/** Ticks → what a send asks for: all of a dataset, or patterns that mean exactly the ticked files. */

export type Listed = { readonly path: string; readonly size: number }

export type Folder = {
  readonly path: string
  readonly name: string
  readonly folders: Folder[]
  readonly files: Listed[]
  /** Everything below it. */
  readonly all: Listed[]
}

/** The most patterns one send may name. */
export const patternsMax = 1000

/** Paths in any order → the folder that they make. */
export function folderOf(files: readonly Listed[]): Folder {
  const top: Folder = { path: '', name: '', folders: [], files: [], all: [] }
  const known = new Map<string, Folder>([['', top]])
  const folderAt = (path: string): Folder => {
    const found = known.get(path)
    if (found !== undefined) return found
    const cut = path.lastIndexOf('/')
    const made: Folder = { path, name: path.slice(cut + 1), folders: [], files: [], all: [] }
    known.set(path, made)
    folderAt(path.slice(0, Math.max(cut, 0))).folders.push(made)
    return made
  }
  for (const file of files) {
    let at = file.path.slice(0, Math.max(file.path.lastIndexOf('/'), 0))
    folderAt(at).files.push(file)
    for (;;) {
      folderAt(at).all.push(file)
      if (at === '') break
      at = at.slice(0, Math.max(at.lastIndexOf('/'), 0))
    }
  }
  return top
}

/** Undefined for everything; an empty list for nothing, which the site must not be asked for. */
export function patternsOf(top: Folder, ticked: ReadonlySet<string>): string[] | undefined {
  const isWhole = (folder: Folder) => folder.all.every(({ path }) => ticked.has(path))
  if (isWhole(top)) return undefined
  const patterns: string[] = []
  const look = (folder: Folder) => {
    for (const one of folder.folders) {
      if (isWhole(one)) patterns.push(`${escaped(one.path)}/**`)
      else look(one)
    }
    for (const { path } of folder.files) if (ticked.has(path)) patterns.push(escaped(path))
  }
  look(top)
  return patterns
}

/** A path as a pattern that means this path and no other. */
function escaped(path: string): string {
  return path.replace(/[\\*?[\]{}()!+@|^$"'~]/g, (c) => (c === '\\' ? '[\\\\]' : `\\${c}`))
}
