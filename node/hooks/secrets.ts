/**
 * What deliveries are signed with: a file for each hook, for our account alone. It is nowhere else,
 * neither in the journal, which is kept for ever, nor in the index.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { flushFolder, makeFolder, readIfThere, sweepAside, writeDurably } from '../base/files.ts'
import { secretPrefix } from './envelope.ts'

/** Random bytes of a secret. */
const secretBytes = 32

export interface Secrets {
  /** A new one; durable when it resolves. */
  make(id: number): Promise<string>
  /** Undefined when its file is not there. */
  of(id: number): Promise<string | undefined>
  remove(id: number): Promise<void>
}

/** Those of hooks that are not there any more are removed. */
export async function openSecrets(o: {
  folder: string
  clock: Clock
  isThere(id: number): boolean
}): Promise<Secrets> {
  const { folder, clock } = o
  const pathOf = (id: number) => join(folder, `${id}.secret`)

  async function remove(id: number): Promise<void> {
    try {
      await rm(pathOf(id), { force: true })
    } catch (thrown) {
      throw asFault(thrown, 'hooks.secret', pathOf(id))
    }
    await flushFolder(folder)
  }

  await makeFolder(folder)
  await sweepAside(folder)
  for (const name of await readdir(folder)) {
    const id = Number(/^([1-9][0-9]*)\.secret$/.exec(name)?.[1])
    if (Number.isSafeInteger(id) && !o.isThere(id)) await remove(id)
  }

  return {
    async make(id) {
      const secret = secretPrefix + Buffer.from(clock.random(secretBytes)).toString('base64')
      await writeDurably(pathOf(id), secret)
      return secret
    },
    async of(id) {
      const bytes = await readIfThere(pathOf(id))
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8')
    },
    remove,
  }
}
