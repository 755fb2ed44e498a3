/** Bytes that change by themselves on the disk of a site, as disks have it. */
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Site } from './site.ts'

export async function filesUnder(folderOf: string): Promise<string[]> {
  const entries = await readdir(folderOf, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
}

/** Changes one byte on the disk, wherever this store has put what begins with these bytes. */
export async function rot({ home }: Site, start: Uint8Array): Promise<void> {
  for (const path of await filesUnder(join(home, 'store'))) {
    if (path.includes('/quarantine/')) continue
    const at = (await readFile(path)).indexOf(start)
    if (at < 0) continue
    // Objects are read-only for everybody but the superuser; this is neither a person nor the site.
    await using file = await open(path, 'r+')
    await file.write(Uint8Array.of(start[0]! ^ 1), 0, 1, at)
    return
  }
  throw new Error('nothing in the store begins like that')
}
