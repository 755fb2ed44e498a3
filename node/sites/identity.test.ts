import { chmod, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { expect, test } from 'vitest'
import type { SiteId } from '../../protocol/ids.ts'
import { fingerprintOf, keyFile, openIdentity, verifySignature } from './identity.ts'

test('a key is made once, kept for our account alone, and is the same at every start', async () => {
  await using home = await openFolder()
  const made = await openIdentity({ folder: home.path, create: true })
  expect((await stat(join(home.path, keyFile))).mode & 0o777).toBe(0o600)
  expect(await readdir(home.path)).toEqual([keyFile])
  const again = await openIdentity({ folder: home.path, create: false })
  expect(again.site).toBe(made.site)
  expect(again.fingerprint).toBe(made.fingerprint)
})

test('a key that is there is never written over', async () => {
  await using home = await openFolder()
  const made = await openIdentity({ folder: home.path, create: true })
  await expect(openIdentity({ folder: home.path, create: true })).rejects.toMatchObject({
    kind: 'exists',
  })
  expect((await openIdentity({ folder: home.path, create: false })).site).toBe(made.site)
  expect(await readdir(home.path)).toEqual([keyFile])
})

test('two commands that make a key at once make one', async () => {
  await using home = await openFolder()
  const tries = [1, 2, 3, 4].map(() => openIdentity({ folder: home.path, create: true }))
  const ends = await Promise.allSettled(tries)
  const { site } = await openIdentity({ folder: home.path, create: false })
  const made = ends.filter((end) => end.status === 'fulfilled').map((end) => end.value.site)
  expect(made).toEqual([site])
  expect(await readdir(home.path)).toEqual([keyFile])
})

test('no key is missing, in words', async () => {
  await using home = await openFolder()
  const opening = openIdentity({ folder: home.path, create: false })
  await expect(opening).rejects.toMatchObject({ kind: 'missing', about: join(home.path, keyFile) })
})

test('a key that others may read, a link and a folder are refused', async () => {
  for (const mode of [0o640, 0o604, 0o620, 0o660, 0o644, 0o777]) {
    await using home = await openFolder()
    await openIdentity({ folder: home.path, create: true })
    await chmod(join(home.path, keyFile), mode)
    const opening = openIdentity({ folder: home.path, create: false })
    await expect(opening, mode.toString(8)).rejects.toMatchObject({ kind: 'denied' })
  }
  await using home = await openFolder()
  await openIdentity({ folder: home.path, create: true })
  await rename(join(home.path, keyFile), join(home.path, 'elsewhere'))
  await symlink('elsewhere', join(home.path, keyFile))
  const opening = openIdentity({ folder: home.path, create: false })
  await expect(opening).rejects.toMatchObject({ kind: 'denied' })
  await expect(openIdentity({ folder: home.path, create: true })).rejects.toMatchObject({
    kind: 'exists',
  })
})

test('a damaged key, and one of another sort, are named as what they are', async () => {
  const other = privateKeyToProtobuf(await generateKeyPair('secp256k1'))
  for (const bytes of [new Uint8Array(0), Buffer.from('no key'), other, Buffer.alloc(100_000, 8)]) {
    await using home = await openFolder()
    await writeFile(join(home.path, keyFile), bytes, { mode: 0o600 })
    const opening = openIdentity({ folder: home.path, create: false })
    await expect(opening).rejects.toMatchObject({ kind: 'corrupt' })
  }
})

test('a signature is verified by the id of the site alone', async () => {
  await using home = await openFolder()
  const { site, sign } = await openIdentity({ folder: home.path, create: true })
  await using elsewhere = await openFolder()
  const other = await openIdentity({ folder: elsewhere.path, create: true })
  const bytes = new TextEncoder().encode('received, whole')
  const signature = await sign(bytes)
  expect(await verifySignature(site, bytes, signature)).toBe(true)
  expect(await verifySignature(other.site, bytes, signature)).toBe(false)
  expect(await verifySignature(site, bytes.slice(1), signature)).toBe(false)
  for (let at = 0; at < signature.byteLength; at++) {
    const bent = signature.slice()
    bent[at]! ^= 1
    expect(await verifySignature(site, bytes, bent)).toBe(false)
    expect(await verifySignature(site, bytes, signature.slice(0, at))).toBe(false)
  }
  expect(await verifySignature('nonsense' as SiteId, bytes, signature)).toBe(false)
})

test('a fingerprint is short, always the same, and easy to read out', async () => {
  const site = '12D3KooWGzBS1UsDDr3BqfvqMFAA3TVA3bLQnWdrqWvkRhPVqWUu' as SiteId
  await using home = await openFolder()
  const { site: own, fingerprint } = await openIdentity({ folder: home.path, create: true })
  expect(fingerprint).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/)
  expect(fingerprintOf(own)).toBe(fingerprint)
  expect(fingerprintOf(site)).not.toBe(fingerprint)
})

async function openFolder() {
  const path = await mkdtemp(join(tmpdir(), 'crossload-identity-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
