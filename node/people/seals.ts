/**
 * What may have to be forgotten, sealed. The journal keeps what is written for ever; so what belongs
 * to a person alone is written there only as it comes out of here, and can be read with that person's
 * key, which is a file of its own. Destroying the file is forgetting, in every copy of the journal.
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
  /**
   * The text, sealed with this person's key, which is made and durable first where there is none yet.
   * `what` says what it is: sealed as one thing, it does not open as another.
   */
  seal(user: UserId, what: string, text: string): Promise<string>
  /** Undefined when the key was destroyed. Faults `corrupt` when it was not sealed with it, or not as that. */
  open(user: UserId, what: string, sealed: string): Promise<string | undefined>
  /** Durable when it resolves; from then on nothing that was sealed for this person opens again. */
  destroy(user: UserId): Promise<void>
  /** Everybody who has a key. */
  list(): Promise<UserId[]>
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
  const pathOf = (user: UserId) => join(folder, `${user}.key`)
  const boundTo = (user: UserId, what: string) => Buffer.from(`${user} ${what}`)

  async function keyOf(user: UserId): Promise<Uint8Array | undefined> {
    const key = await readIfThere(pathOf(user))
    if (key === undefined || key.byteLength === keyBytes) return key
    throw new Fault('corrupt', 'people.key', {
      about: pathOf(user),
      text: `The key ${pathOf(user)} is damaged. Put it back from a backup.`,
    })
  }

  async function makeKey(user: UserId): Promise<Uint8Array> {
    const key = clock.random(keyBytes)
    await writeDurably(pathOf(user), key)
    return key
  }

  return {
    async seal(user, what, text) {
      const key = (await keyOf(user)) ?? (await makeKey(user))
      const nonce = clock.random(nonceBytes)
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(boundTo(user, what))
      const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(sealed).toString('base64url')
    },

    async open(user, what, sealed) {
      const key = await keyOf(user)
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
      try {
        await rm(pathOf(user), { force: true })
      } catch (thrown) {
        throw asFault(thrown, 'people.forget', pathOf(user))
      }
      await flushFolder(folder)
    },

    async list() {
      const found: UserId[] = []
      for (const name of await readdir(folder)) {
        const id = /^([1-9][0-9]*)\.key$/.exec(name)?.[1]
        if (id !== undefined) found.push(Number(id) as UserId)
      }
      return found
    },
  }
}
