/**
 * What may have to be forgotten, sealed. The journal keeps what is written for ever; so what identifies
 * a person is written there, and in the index, only as it comes out of here, and can be read with that
 * person's key, which is a file of its own. Destroying the file is forgetting, in every copy of the journal.
 *
 * Keys are read once, at the opening: 32 bytes a person, so that a name is opened without a wait.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { flushFolder, makeFolder, readIfThere, sweepAside, writeDurably } from '../base/files.ts'

/** AES-256-GCM: bytes of a key, of the nonce before what is sealed, of the tag behind it. */
const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

export interface Seals {
  /** The person's key is durable when it resolves: a new one, where there was none. */
  make(user: UserId): Promise<void>
  /** False also for a key that is damaged. */
  has(user: UserId): boolean
  /**
   * The text, sealed with this person's key. `what` says what it is: sealed as one thing, it does not
   * open as another. Faults `corrupt` without the key: what is sealed is never sealed with a second one.
   */
  sealNow(user: UserId, what: string, text: string): string
  /** Undefined when there is no key. Faults `corrupt` when it was not sealed with it, or not as that. */
  open(user: UserId, what: string, sealed: string): string | undefined
  /** Durable when it resolves; from then on nothing that was sealed for this person opens again. */
  destroy(user: UserId): Promise<void>
  /** Everybody who has a key, damaged ones too. */
  list(): UserId[]
}

const algorithm = 'aes-256-gcm'

export async function openSeals({
  folder,
  clock,
}: {
  folder: string
  clock: Clock
}): Promise<Seals> {
  await makeFolder(folder)
  await sweepAside(folder)
  const all = await readKeys(folder)
  const boundTo = (user: UserId, what: string) => Buffer.from(`${user} ${what}`)

  function keyOf(user: UserId): Uint8Array | undefined {
    const key = all.get(user)
    if (key === undefined || key.byteLength === keyBytes) return key
    throw unreadable(user)
  }

  return {
    async make(user) {
      if (keyOf(user) !== undefined) return
      const key = clock.random(keyBytes)
      await writeDurably(pathOf(folder, user), key)
      all.set(user, key)
    },

    has: (user) => all.get(user)?.byteLength === keyBytes,

    sealNow(user, what, text) {
      const key = keyOf(user)
      if (key === undefined) throw unreadable(user)
      const nonce = clock.random(nonceBytes)
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(boundTo(user, what))
      const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(sealed).toString('base64url')
    },

    open(user, what, sealed) {
      const key = keyOf(user)
      if (key === undefined) return undefined
      const bytes = Buffer.from(sealed, 'base64url')
      try {
        const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes))
        decipher.setAAD(boundTo(user, what)).setAuthTag(bytes.subarray(-tagBytes))
        const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes))
        return Buffer.concat([text, decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new Fault('corrupt', 'people.seal', {
          about: user,
          text: 'What is kept of a person does not open with that person’s key. Put the key back from a backup.',
          cause,
        })
      }
    },

    async destroy(user) {
      all.get(user)?.fill(0)
      all.delete(user)
      try {
        await rm(pathOf(folder, user), { force: true })
      } catch (thrown) {
        throw asFault(thrown, 'people.forget', pathOf(folder, user))
      }
      await flushFolder(folder)
    },

    list: () => [...all.keys()],
  }
}

const pathOf = (folder: string, user: UserId) => join(folder, `${user}.key`)

/** By person, as they lie there: one that is damaged stops nothing that is not that person's. */
async function readKeys(folder: string): Promise<Map<UserId, Uint8Array>> {
  const found = new Map<UserId, Uint8Array>()
  for (const name of await readdir(folder)) {
    const id = /^([1-9][0-9]*)\.key$/.exec(name)?.[1]
    const key = id === undefined ? undefined : await readIfThere(join(folder, name))
    if (key !== undefined) found.set(Number(id) as UserId, key)
  }
  return found
}

/** Nothing is done with a key that is not there: a new one would hide for ever what the old one opens. */
export function unreadable(user: UserId): Fault {
  return new Fault('corrupt', 'people.key', {
    about: user,
    text:
      `The key of person ${user} is missing or damaged, so what is kept of them cannot be read. ` +
      `Put people/${user}.key back from a backup and start the site again; if there is none, remove the person and add them anew.`,
  })
}
