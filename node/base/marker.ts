/**
 * The store's identity. A volume that is not mounted looks like an empty store, and a wrong one like
 * a foreign one; the marker tells both from a store of ours before anything is read or written.
 */
import { join } from 'node:path'
import { Fault } from '../../protocol/fault.ts'
import { readIfThere, writeDurably } from './files.ts'

/** The marker's name within the store. */
export const markerName = 'identity'

/**
 * Marks `folder` as the store of `id`, durably. Doing it again changes nothing; a folder that is
 * marked for another is `exists` and stays as it is.
 */
export async function createMarker(folder: string, id: string): Promise<void> {
  switch (await checkMarker(folder, id)) {
    case 'ours':
      return
    case 'missing':
      return writeDurably(join(folder, markerName), textOf(id))
    case 'foreign':
      throw new Fault('exists', 'marker.create', {
        about: folder,
        text: `${folder} is the store of another site. Choose an empty folder.`,
      })
  }
}

/** Whose store this is. A marker that cannot be made out is `foreign`: better not write there. */
export async function checkMarker(
  folder: string,
  id: string,
): Promise<'ours' | 'missing' | 'foreign'> {
  const bytes = await readIfThere(join(folder, markerName))
  if (bytes === undefined) return 'missing'
  return Buffer.from(bytes).equals(Buffer.from(textOf(id))) ? 'ours' : 'foreign'
}

function textOf(id: string): string {
  return `Crossload store of ${id}\nThis file says whose store the folder is. Do not remove or edit it.\n`
}
