/** Two linked sites with a cable between them, and what any story of faults asks of them afterwards. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ToldTransfer } from '../../api/shapes.ts'
import { Fault } from '../../protocol/fault.ts'
import { type Cable, openCable } from '../chaos-proxy.ts'
import { acceptedPair, type Pair, type Site } from '../site.ts'

export interface CabledPair extends Pair {
  readonly cable: Cable
  /** For what is sent and what comes out; gone with the pair. */
  readonly folder: string
}

export async function openCabledPair(
  options: Parameters<typeof openCable>[0] = {},
): Promise<CabledPair> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'crossload-faults-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const cable = stack.use(await openCable(options))
  const pair = stack.use(await acceptedPair(cable.sites()))
  const rest = stack.move()
  return { ...pair, cable, folder, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

/** How long what a site does by the way, after a transfer has ended, may take, in milliseconds. */
const afterwardsMs = 30_000

/** Every file of a home that should not be there when nothing is on its way; empty in time. */
export async function temporaryFiles(site: Site): Promise<string[]> {
  const late = AbortSignal.timeout(afterwardsMs)
  for (;;) {
    const found: string[] = []
    for (const { name, parentPath } of await readdir(site.home, {
      recursive: true,
      withFileTypes: true,
    })) {
      const aside = /\/store\/(tmp|partial)$/.test(parentPath) || name.endsWith('.aside')
      if (aside) found.push(join(parentPath, name))
    }
    if (found.length === 0 || late.aborted) return found
    await pause(pollMs)
  }
}

/** What the site wrote about mistakes of its own: nothing, or the program is wrong. */
export function mistakes(site: Site): string[] {
  return site
    .log()
    .split('\n')
    .filter((line) => /"level":[56]0|unhandled|at .*\.ts:\d+/i.test(line))
}

/** Where a site keeps the content of a file. */
export const objectPath = (site: Site, cid: string) =>
  join(site.home, 'store/objects', cid.slice(-2), cid)

/** Between two looks, in milliseconds. */
const pollMs = 10

export interface Watch extends AsyncDisposable {
  /** Looks that were answered so far. */
  readonly looks: number
  /** Sights that should never be, in words. */
  readonly wrong: string[]
}

/**
 * Looks at the datasets of a site all the time. One that was not there before must be whole in the
 * same moment: the same root as at its source, its transfer done, each of its files held.
 */
export async function watchListed(pair: Pair, root: string): Promise<Watch> {
  const { kyoto, atKyoto } = pair
  const known = new Set((await atKyoto.call('datasets.list', {})).map(({ id }) => id))
  const wrong: string[] = []
  let looks = 0
  let watching = true

  async function look(): Promise<void> {
    const fresh = (await atKyoto.call('datasets.list', {})).filter(({ id }) => !known.has(id))
    looks++
    for (const { id, root: seen } of fresh) {
      const transfers = await atKyoto.call('transfers.list', {})
      const transfer = transfers.find((one) => one.destination.dataset === id)
      if (seen !== root) wrong.push(`dataset ${id} was listed with the root ${seen}, not ${root}`)
      if (transfer?.state !== 'done')
        wrong.push(`dataset ${id} was listed while its transfer was ${transfer?.state}`)
      const { files } = await atKyoto.call('datasets.files', { id })
      for (const { path, size, cid } of files) {
        const held = await stat(objectPath(kyoto, cid)).catch(() => undefined)
        if (held?.size !== size)
          wrong.push(`${path} of dataset ${id} was listed with ${held?.size} of ${size} bytes`)
      }
      known.add(id)
    }
  }

  const done = (async () => {
    while (watching) {
      // While it is down nothing is listed; any other failure is a finding.
      await look().catch((thrown) => {
        if (!(thrown instanceof Fault && thrown.kind === 'unreachable')) wrong.push(String(thrown))
      })
      await pause(pollMs)
    }
  })()
  return {
    get looks() {
      return looks
    },
    wrong,
    async [Symbol.asyncDispose]() {
      watching = false
      await done
    },
  }
}

/** For messages: what one would want to know of a transfer that did not do as it should. */
export function brief(view: ToldTransfer): string {
  const { id, direction, state, bytes, files, fault } = view
  return JSON.stringify({ id, direction, state, bytes, files, fault })
}
