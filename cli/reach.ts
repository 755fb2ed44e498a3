/** Which site a command speaks to, and as whom: a home's running node, or a URL. */
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Fault } from '../protocol/fault.ts'
import type { World } from './world.ts'

export type Where = { readonly home?: string | undefined; readonly url?: string | undefined }

export type Reached = {
  readonly url: string
  readonly token: string
  /** What to do when nobody answers there. */
  readonly hint: string
}

/** The flags decide before the environment. CROSSLOAD_TOKEN, where set, decides who asks. */
export async function reach(where: Where, world: Pick<World, 'env' | 'cwd'>): Promise<Reached> {
  const { CROSSLOAD_URL, CROSSLOAD_HOME, CROSSLOAD_TOKEN } = world.env
  const url = where.url ?? (where.home === undefined ? CROSSLOAD_URL : undefined)
  if (url !== undefined) {
    if (CROSSLOAD_TOKEN)
      return { url: checkUrl(url), token: CROSSLOAD_TOKEN, hint: 'Check the URL.' }
    throw new Fault('denied', 'cli.reach', {
      about: url,
      text: 'A token is needed with a URL: set CROSSLOAD_TOKEN. An administrator makes one with crossload people token EMAIL.',
    })
  }
  const home = homeOf(where.home ?? CROSSLOAD_HOME, world)
  const hint = `Start it with crossload serve --home ${home}`
  const found = await runningAt(home, hint)
  return { url: found, token: CROSSLOAD_TOKEN || (await tokenOf(home)), hint }
}

export function homeOf(text: string | undefined, world: Pick<World, 'cwd'>): string {
  if (text !== undefined && text !== '') return resolve(world.cwd, text)
  throw new Fault('invalid', 'cli.home', {
    text: 'Say which site is meant: --home DIR or CROSSLOAD_HOME, or --url URL with CROSSLOAD_TOKEN.',
  })
}

async function runningAt(home: string, hint: string): Promise<string> {
  const path = join(home, 'run.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    if (!(await isThere(home))) {
      throw new Fault('missing', 'cli.reach', {
        about: home,
        text: `There is no site at ${home}. Make one with crossload init --home ${home} --name NAME`,
        cause,
      })
    }
    throw new Fault('unreachable', 'cli.reach', {
      about: home,
      text: `The site at ${home} is not running. ${hint}`,
      cause,
    })
  }
  try {
    return checkUrl(String((JSON.parse(text) as { url: unknown }).url))
  } catch (cause) {
    throw new Fault('corrupt', 'cli.reach', {
      about: path,
      text: `${path} does not say where the site is. Start the site again.`,
      cause,
    })
  }
}

async function tokenOf(home: string): Promise<string> {
  const path = join(home, 'token')
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw new Fault('denied', 'cli.token', {
      about: path,
      text: `${path} cannot be read. Use the account that the site belongs to, or set CROSSLOAD_TOKEN.`,
      cause,
    })
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

function checkUrl(text: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (parsed && (parsed.protocol === 'http:' || parsed.protocol === 'https:')) {
    return text.replace(/\/+$/, '')
  }
  throw new Fault('invalid', 'cli.reach', {
    about: text.slice(0, 80),
    text: 'The address of a site begins with http:// or https://.',
  })
}
