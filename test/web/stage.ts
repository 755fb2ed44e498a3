/** Two sites with what a laboratory has on its pages after a few weeks, for looking at. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '../../api/client.ts'
import type { Email } from '../../protocol/ids.ts'
import { openFolder } from '../folder.ts'
import { acceptedPair, isDone, isEnded, type Site, until } from '../site.ts'
import { cytometry, dicom, writeLarge } from '../trees.ts'
import { analyses, writeAnalysis } from './guide.ts'
import type { Things } from './visits.ts'

export interface Stage extends Things, AsyncDisposable {
  readonly oslo: Site
  readonly kyoto: Site
}

/** One transfer goes on for as long as anybody looks: bytes a second, and bytes of its dataset. */
const slow = 100_000
const slowBytes = 20_000_000

export async function openStage(): Promise<Stage> {
  const stack = new AsyncDisposableStack()
  const pair = stack.use(await acceptedPair())
  const folder = stack.use(await openFolder())
  const { oslo, kyoto, atOslo, to } = pair
  const people = { 'bea@lab.example': 'Bea Nordahl', 'chen@lab.example': 'Chen Wei' }
  for (const [email, name] of Object.entries(people))
    await oslo.admin.call('people.add', { email: email as Email, name })
  const lab = await atOslo.call('projects.add', { name: 'Blood lab' })
  for (const [i, email] of Object.keys(people).entries()) {
    const role = i === 0 ? 'member' : 'viewer'
    await atOslo.call('projects.set-member', { id: lab.id, email: email as Email, role })
  }
  const blood = await atOslo.call('datasets.add', {
    name: 'Blood panel, week 31',
    path: cytometry,
    project: lab.id,
    meta: { instrument: 'FACScan', operator: 'Bea Nordahl', protocol: 'Four colours, lysed blood' },
  })
  await atOslo.call('datasets.add', { name: 'Chest, three patients', path: dicom, inPlace: true })
  const workflows: number[] = []
  for (const name of Object.keys(analyses)) {
    const written = await writeAnalysis(folder.path, name, blood.id)
    const input = { name, dataset: blood.id, project: lab.id, ...written }
    workflows.push((await atOslo.call('workflows.add', input)).id)
  }
  const sent = await send(atOslo, { to, dataset: { id: blood.id } })
  const dest = (await atOslo.call('transfers.show', { id: sent })).destination.dataset!
  for (const id of workflows) await send(atOslo, { to, workflows: [id], dest })
  // One that was refused, so that the page has a fault to tell.
  const refused = await atOslo.call('transfers.send', { to, workflows: [workflows[0]!], dest: 99 })
  await until(atOslo, refused.id, isEnded)
  await oslo.admin.call('holds.add', { dataset: blood.id, reason: 'For the paper of spring' })
  await oslo.admin.call('people.token', { email: 'ana@lab.example', label: 'The cluster’s script' })
  const long = join(folder.path, 'long')
  await cp(cytometry, long, { recursive: true })
  await writeLarge(join(long, 'long-run.fcs'), slowBytes, 7)
  await oslo.admin.call('limits.set', { out: slow, localExempt: false })
  const running = await atOslo.call('datasets.add', { name: 'Overnight run', path: long })
  const { id: slowly } = await atOslo.call('transfers.send', { to, dataset: { id: running.id } })
  await until(atOslo, slowly, ({ state }) => state === 'moving')
  const closing = stack.move()
  return {
    oslo,
    kyoto,
    dataset: blood.id,
    workflow: workflows[0]!,
    transfer: sent,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  }
}

async function send(client: Client, what: Parameters<typeof client.call<'transfers.send'>>[1]) {
  const { id } = await client.call('transfers.send', what)
  await until(client, id, isDone)
  return id
}
