/** A site looked at as a whole, to be compared with what it is later: by its API, and on its disk. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Client } from '../api/client.ts'
import type { Told } from '../api/routes.ts'
import type { DatasetId } from '../protocol/ids.ts'
import { eventually, type Site } from './site.ts'

type Person = Awaited<ReturnType<typeof personCensus>>
export type Census = {
  readonly who: Omit<Told<'site.show'>, 'startedAt'>
  readonly people: Told<'people.list'>
  readonly links: Told<'links.list'>
  readonly journal: Told<'journal.verify'>
  /** By e-mail; asked with each one's own token. */
  readonly by: Record<string, Person>
}

/** Everything that the site tells its administrator and each person whose token the test has. */
export async function takeCensus(site: Site): Promise<Census> {
  const { admin } = site
  const { startedAt: _, ...who } = await admin.call('site.show', {})
  const by: Record<string, Person> = {}
  for (const email of [...site.tokens.keys()].sort())
    by[email] = await personCensus(await site.as(email))
  return {
    who,
    people: await admin.call('people.list', {}),
    links: await admin.call('links.list', {}),
    journal: await admin.call('journal.verify', {}),
    by,
  }
}

async function personCensus(client: Client) {
  const datasets = []
  for (const { id } of await client.call('datasets.list', {})) {
    const shown = await client.call('datasets.show', { id })
    const files = []
    for (const { version } of shown.versions) files.push(await filesOf(client, id, version))
    datasets.push({ shown, files })
  }
  const workflows = []
  for (const { id } of await client.call('workflows.list', {}))
    workflows.push(await client.call('workflows.show', { id }))
  const transfers = []
  for (const { id } of await client.call('transfers.list', { limit: 1000 }))
    transfers.push(await client.call('transfers.show', { id }))
  return {
    connections: await client.call('connections.list', {}),
    projects: await client.call('projects.list', {}),
    datasets,
    workflows,
    transfers,
  }
}

async function filesOf(client: Client, id: DatasetId, version: number) {
  const { files, next } = await client.call('datasets.files', { id, version, limit: 1000 })
  if (next !== undefined) throw new Error('more files than a census reads')
  return files
}

/**
 * Resolves when none of these sites has anything left that the other has yet to hear: from then on
 * nothing changes by itself. No transfer may be on its way.
 */
export async function settled(...sites: Site[]): Promise<void> {
  for (const site of sites)
    await eventually(
      async () => (await untold(site)).length === 0,
      'everybody has heard everything',
    )
}

/** Links, connections and transfers whose last record says that the other site has yet to hear of it. */
async function untold({ admin }: Site): Promise<string[]> {
  const last = new Map<string, boolean>()
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Told<'journal.read'> = await admin.call('journal.read', { after })
    for (const { kind, data } of page.records) {
      const [noun] = kind.split('.') as [string]
      const all = data as { link?: unknown; transfer?: unknown }
      const { id, told } = (all.link ?? all.transfer ?? all) as {
        id: unknown
        told?: boolean
      }
      if (told !== undefined) last.set(`${noun === 'invitation' ? 'link' : noun} ${id}`, told)
    }
    after = page.next
  }
  return [...last].filter(([, told]) => !told).map(([what]) => what)
}

/** Every file under a folder with the hash of its bytes; `skip` by the path within the folder. */
export async function hashFiles(
  folder: string,
  skip: (path: string) => boolean = () => false,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name)
    const path = relative(folder, full)
    if (!entry.isFile() || skip(path)) continue
    found[path] = createHash('sha256')
      .update(await readFile(full))
      .digest('hex')
  }
  return found
}
