/** A laboratory in which everything that can be named is named by a script. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, createClient } from '../../api/client.ts'
import type { Asked, CallName, Told } from '../../api/routes.ts'
import type { Email } from '../../protocol/ids.ts'
import { ana, isDone, type Site, until } from '../site.ts'
import { galaxy } from '../trees.ts'
import { carriedBy } from './free-text.ts'
import type { Things } from './visits.ts'

export type Naming = {
  readonly site: Site
  readonly script: string
  /** Of its own for each script. */
  readonly number: number
  readonly folder: string
  readonly to: { email: string; alias: string }
  /** Fields that have carried a script and were taken. */
  readonly carried: Set<string>
}

/** Fields of questions that a person cannot have stored, and why they are none of a page's business. */
export const neverStored: Readonly<Record<string, string>> = {
  'session.open.password': 'compared with a hash, kept nowhere',
  'session.welcome.secret': 'what no link holds is refused',
  'session.password.old': 'compared with a hash, kept nowhere',
  'session.password.password': 'kept as a hash',
  'links.add.to': 'neither an invitation nor an address: refused',
  'hooks.add.url': 'an address that is no address, or that escapes what is in it',
  'limits.set.zone': 'no time zone: refused',
  'limits.set-link.zone': 'no time zone: refused',
  'limits.set-transfer.zone': 'no time zone: refused',
}

/** Names everything with `script`, sends it to the other site, and tells what has pages. */
export async function nameEverything(naming: Naming): Promise<Things> {
  const { site, script, number, to } = naming
  const ask = await asking(naming, ana)
  const admin = watching(site.admin, naming)
  // A file's name cannot hold a slash.
  const file = script.replaceAll('/', '\u2215')
  const folder = join(naming.folder, `${site.alias}-${number}`, file)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, file), file)

  const email = `p${number}@${site.alias}.example` as Email
  await admin('people.add', { email, name: script })
  await admin('people.token', { email, label: script })
  await ask('tokens.add', { label: script })
  await comeIn(naming, email)

  const { id: project } = await ask('projects.add', { name: script })
  const deposit = join(folder, '..', `${file} deposit`)
  await mkdir(deposit)
  await ask('projects.set-deposit', { id: project, folder: deposit })
  const meta = { [script]: script }
  const { id: dataset } = await ask('datasets.add', { name: script, path: folder, project, meta })
  await writeFile(join(folder, `${file} 2`), file)
  await ask('datasets.update', { id: dataset, path: folder })
  await ask('datasets.meta', { id: dataset, changes: { [`${script} `]: script } })
  await ask('datasets.export', { id: dataset, folder: join(folder, '..', `${file} out`) })
  await admin('holds.add', { dataset, reason: script })
  await admin('site.backup', { folder: join(folder, '..', `${file} backup`) })
  await upload(naming, ask, file)

  const document = join(folder, '..', `${file}.json`)
  const write = (note: string) =>
    writeFile(document, JSON.stringify({ [script]: dataset, note, file: script }))
  await write(script)
  const results = folder
  const pointer = `/${script.replaceAll('~', '~0').replaceAll('/', '~1')}`
  const bound = { name: script, dataset, document, results, format: script, refs: [pointer] }
  const { id: workflow } = await ask('workflows.add', bound)
  const more = { id: workflow, document, results, format: script, refs: [pointer] }
  await write(`${script}, once more`)
  await ask('workflows.update', more)
  await ask('workflows.export', { id: workflow, folder: join(folder, '..', `${file} wf`) })
  // Galaxy's have slots with labels, to which files are bound by path.
  const slots = join(folder, '..', `${file}.ga`)
  const text = await readFile(join(galaxy, 'segmentation-and-counting.ga'), 'utf8')
  await writeFile(slots, text.replaceAll('"input_image"', JSON.stringify(script)))
  const inputs = [{ label: script, path: file }]
  const slotted = await ask('workflows.add', { name: script, dataset, document: slots, inputs })
  const again = [{ label: script, path: `${file} 2` }]
  await ask('workflows.update', { id: slotted.id, document: slots, inputs: again })

  const files = ['**', `!${script}`]
  const some = { to, dataset: { id: dataset, files: ['**', `!${script} `] } }
  await ask('transfers.dry-run', some)
  const sent = await ask('transfers.send', some)
  await until(await site.as(ana), sent.id, isDone)
  const both = { to, workflows: [workflow], withFiles: true, files: [...files, '**'] }
  await ask('transfers.dry-run', both)
  const whole = await ask('transfers.send', both)
  await until(await site.as(ana), whole.id, isDone)
  return { dataset, workflow, transfer: whole.id }
}

type Ask = <R extends CallName>(name: R, input: Asked<R>) => Promise<Told<R>>

const asking = async (naming: Naming, email: string) =>
  watching(await naming.site.as(email), naming)

/** A client that writes down which fields held a script, where the question was taken. */
function watching(client: Client, { carried }: Pick<Naming, 'carried'>): Ask {
  return async (name, input) => {
    const told = await client.call(name, input)
    for (const one of carriedBy(name, input)) carried.add(one)
    return told
  }
}

/** A person with a script for a name and for a password comes in by a link. */
async function comeIn({ site, script, carried }: Naming, email: Email): Promise<void> {
  const { link } = await site.admin.call('people.link', { email })
  const secret = link.slice(link.indexOf('#') + 1)
  const ask = watching(createClient({ url: site.admin.url }), { carried })
  await ask('session.welcome', { secret, password: `${script} and more`, name: script })
}

/** A dataset and a version of it of files from a browser. */
async function upload({ site, script }: Naming, ask: Ask, path: string): Promise<void> {
  const { id } = await ask('datasets.add-uploaded', {
    name: script,
    meta: { [script]: script },
    uploads: [{ upload: await uploaded(site), path }],
  })
  const uploads = [{ upload: await uploaded(site), path: `${path}/${path}` }]
  await ask('datasets.update-uploaded', { id, uploads })
}

async function uploaded(site: Site): Promise<string> {
  const headers = { authorization: `Bearer ${site.tokens.get(ana)}`, 'tus-resumable': '1.0.0' }
  const begun = await fetch(`${site.admin.url}/api/uploads`, {
    method: 'POST',
    headers: { ...headers, 'upload-length': '4' },
  })
  const at = begun.headers.get('location')!
  const content = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
  const sent = await fetch(site.admin.url + at, {
    method: 'PATCH',
    headers: { ...headers, ...content },
    body: 'four',
  })
  if (sent.status !== 204) throw new Error(`an upload ended with ${sent.status}`)
  return at.split('/').at(-1)!
}
