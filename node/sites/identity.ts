/**
 * The site's key. Whoever has it is the site, so it is a file that only our own account may read, it
 * is never written over, and it is not followed through a link.
 */
import { hash } from 'node:crypto'
import { constants, type FileHandle, link, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, Ed25519PublicKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { asFault, Fault } from '../../protocol/fault.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { systemClock } from '../base/clock.ts'
import { flushFolder } from '../base/files.ts'

export type Identity = {
  readonly site: SiteId
  readonly privateKey: Ed25519PrivateKey
  /** `fingerprintOf(site)`. */
  readonly fingerprint: string
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** Name of the key file in the site's folder: a libp2p private key, protobuf, Ed25519. */
export const keyFile = 'site.key'

/** A key file is 68 bytes; nothing longer is read. */
const keyBytesMax = 1024

/**
 * The key in `folder`. With `create` a new one, durable when this resolves. Faults: `exists` when one
 * is to be created where one is, `missing` when there is none, `denied` when others may read it or it
 * is a link, `corrupt` when it is no Ed25519 key.
 */
export async function openIdentity(o: { folder: string; create: boolean }): Promise<Identity> {
  const path = join(o.folder, keyFile)
  if (o.create) await writeKey(path, o.folder)
  const privateKey = await readKey(path)
  const site = parseSiteId(peerIdFromPrivateKey(privateKey).toString())
  return {
    site,
    privateKey,
    fingerprint: fingerprintOf(site),
    sign: async (bytes) => await privateKey.sign(bytes),
  }
}

async function writeKey(path: string, folder: string): Promise<void> {
  const key = await generateKeyPair('Ed25519')
  // Two writers of one folder are kept apart by chance; what a crash leaves is swept like any aside.
  const aside = join(
    folder,
    `.${keyFile}.${Buffer.from(systemClock.random(6)).toString('hex')}.aside`,
  )
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const file = await open(aside, flags, 0o600)
    try {
      await file.writeFile(privateKeyToProtobuf(key))
      await file.sync()
    } finally {
      await file.close()
    }
    // A link, unlike a rename, fails where a key is already: two commands cannot both make one.
    await link(aside, path)
    await rm(aside)
    await flushFolder(folder)
  } catch (cause) {
    await rm(aside, { force: true })
    throw asFault(cause, 'identity.create', path)
  }
}

async function readKey(path: string): Promise<Ed25519PrivateKey> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ELOOP') throw loose(path, 'It is a link.')
    throw asFault(cause, 'identity.open', path)
  }
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw loose(path, 'It is not a file.')
    if ((stat.mode & 0o077) !== 0) throw loose(path, 'Other accounts may read it.')
    if (stat.size > keyBytesMax) throw damaged(path)
    return parseKey(await file.readFile(), path)
  } finally {
    await file.close()
  }
}

function parseKey(bytes: Uint8Array, path: string): Ed25519PrivateKey {
  try {
    const key = privateKeyFromProtobuf(bytes)
    if (key.type === 'Ed25519') return key
  } catch (cause) {
    throw damaged(path, cause)
  }
  throw damaged(path)
}

function damaged(path: string, cause?: unknown): Fault {
  return new Fault('corrupt', 'identity.open', {
    about: path,
    text: `The site's key at ${path} is damaged. Put back the one from your backup.`,
    cause,
  })
}

function loose(path: string, why: string): Fault {
  return new Fault('denied', 'identity.open', {
    about: path,
    text: `The site's key at ${path} is not kept safely: ${why} Make it a file of mode 600 that belongs to this account.`,
  })
}

/** True when `site` made this signature; its key is in its id, nothing is looked up. Never throws. */
export async function verifySignature(
  site: SiteId,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    return await publicKeyOf(site).verify(bytes, signature)
  } catch {
    return false
  }
}

/** No I, L, O or U: read out on a telephone, none is taken for another or for a digit. */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const groupsCount = 6
const groupLetters = 4

/**
 * 120 bits of the SHA-256 of a site's public key, as six groups of four. Two people who read it to
 * each other know that nobody stands between their sites.
 */
export function fingerprintOf(site: SiteId): string {
  const digest = hash('sha256', publicKeyOf(site).raw, 'buffer')
  let bits = BigInt(`0x${digest.toString('hex')}`) >> BigInt(256 - groupsCount * groupLetters * 5)
  let text = ''
  for (let i = groupsCount * groupLetters; i > 0; i--) {
    text = letters[Number(bits & 31n)] + text
    bits >>= 5n
  }
  return text.match(/.{4}/g)?.join('-') ?? text
}

function publicKeyOf(site: SiteId): Ed25519PublicKey {
  const peer = peerIdFromString(site)
  if (peer.type === 'Ed25519') return peer.publicKey
  throw new Fault('invalid', 'identity.key', { about: site, text: 'This is not the ID of a site.' })
}
