/** Makes a site: a home with a key, a journal, an index, a store and its first administrator. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../protocol/fault.ts'
import type { Email, SiteId } from '../protocol/ids.ts'
import type { Clock } from './base/clock.ts'
import { makeFolder, writeDurably } from './base/files.ts'
import { type Config, type Home, writeConfig } from './config.ts'
import { openRooms } from './rooms.ts'

/**
 * The configuration is written last: a home that has it is whole. `welcome` is the secret of the first
 * administrator's one-time link.
 */
export async function makeSite(o: {
  home: Home
  config: Config
  admin: Email
  clock: Clock
  pid: number
}): Promise<{ site: SiteId; fingerprint: string; welcome: string }> {
  const { home } = o
  await demandEmpty(home)
  await makeFolder(home.folder)
  try {
    return await make(o)
  } catch (thrown) {
    // Another init was quicker: what is there is its site.
    if (thrown instanceof Fault && thrown.op === 'lock.open') throw thrown
    // It was empty before: nothing of a site that could not be made is left in the way of the next try.
    for (const name of await readdir(home.folder))
      await rm(join(home.folder, name), { recursive: true, force: true })
    throw thrown
  }
}

async function make(o: { home: Home; config: Config; admin: Email; clock: Clock; pid: number }) {
  const { home, config, admin, clock } = o
  await using stack = new AsyncDisposableStack()
  const { identity, commit, users, tokens, accounts } = await openRooms(stack, {
    home,
    clock,
    pid: o.pid,
    create: true,
  })
  await commit('site.made', 'system', { site: identity.site, name: config.name })
  const first = await users.add({ email: admin, role: 'administrator', by: 'system' })
  const token = await tokens.create(first.id, {
    by: 'system',
    label: 'command line of this machine',
  })
  await writeDurably(home.token, `${token}\n`, { mode: 0o600 })
  const { secret } = await accounts.createLink(first.id, { by: 'system' })
  await writeConfig(home, config)
  return { site: identity.site, fingerprint: identity.fingerprint, welcome: secret }
}

async function demandEmpty(home: Home): Promise<void> {
  const names = await readdir(home.folder).catch((thrown: NodeJS.ErrnoException): string[] => {
    if (thrown.code === 'ENOENT') return []
    throw thrown
  })
  if (names.length === 0) return
  throw new Fault('exists', 'init', {
    about: home.folder,
    text: names.includes('config.json')
      ? `${home.folder} already holds a site. Start it with: crossload serve --home ${home.folder}`
      : `${home.folder} is not empty. Choose a new folder, or empty this one.`,
  })
}
