/** What somebody chose or dropped, as files with paths: folders keep their structure. */

export type Chosen = { readonly path: string; readonly file: File }

/** From a field for files or for a folder. */
export function fromField(files: Iterable<File>): Chosen[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }))
}

/** From what was dropped; folders are walked through. Called in the event itself, where alone they can be had. */
export async function fromDrop(data: DataTransfer): Promise<Chosen[]> {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? [])
  const chosen: Chosen[] = []
  for (const entry of entries) await walk(entry, chosen)
  return chosen
}

async function walk(entry: FileSystemEntry, into: Chosen[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, '')
  if (entry.isFile) {
    const one = entry as FileSystemFileEntry
    const file = await new Promise<File>((resolve, reject) => one.file(resolve, reject))
    into.push({ path, file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  // It answers some at a time, and nothing when there are no more.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return
    for (const one of some) await walk(one, into)
  }
}

/**
 * One folder that everything lies in is the dataset itself, as when it is added at the site's machine: its
 * name is not a part of the paths, but what the dataset may be called.
 */
export function inOneFolder(chosen: readonly Chosen[]): { name?: string; files: Chosen[] } {
  const top = chosen[0]?.path.split('/')[0]
  const isOne = top !== undefined && chosen.every(({ path }) => path.startsWith(`${top}/`))
  if (!isOne) return { files: [...chosen] }
  const files = chosen.map(({ path, file }) => ({ path: path.slice(top.length + 1), file }))
  return { name: top, files }
}
