import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolder } from '../test/folder.ts'
import { createConfig, homeAt, readConfig } from './config.ts'

const login = { issuer: 'https://id.oslo.example', clientId: 'crossload', name: 'Oslo University' }

async function read(login: object) {
  await using folder = await openFolder()
  const said = { ...createConfig({ name: 'Oslo' }), login }
  await writeFile(join(folder.path, 'config.json'), JSON.stringify(said))
  return await readConfig(homeAt(folder.path))
}

test('a login at an institution is read, frozen with the rest', async () => {
  for (const more of [
    {},
    { issuer: 'http://127.0.0.1:9000', clientSecret: 'x' },
    { issuer: 'http://[::1]:9000/realms/lab', clientSecretFile: '/etc/secret' },
    { scopes: ['openid', 'email'], groupsClaim: 'groups', create: true, domains: ['oslo.example'] },
  ]) {
    const config = await read({ ...login, ...more })
    expect(config.login).toEqual({ ...login, ...more })
    expect(Object.isFrozen(config)).toBe(true)
  }
})

test.each<[object, string]>([
  [{ issuer: 'http://id.oslo.example' }, 'login.issuer is not an address'],
  [{ issuer: 'http://127.0.0.1.oslo.example' }, 'login.issuer is not an address'],
  [{ issuer: 'https://id.oslo.example/?tenant=1' }, 'login.issuer is not an address'],
  [{ issuer: 'https://me:pw@id.oslo.example' }, 'login.issuer is not an address'],
  [{ issuer: 'file:///etc' }, 'login.issuer is not an address'],
  [{ clientId: '' }, 'login.clientId'],
  [{ name: 'a\u0007' }, 'login.name has control characters'],
  [{ scopes: ['email'] }, 'login.scopes has no openid in it'],
  [{ scopes: ['openid', 'a b'] }, 'login.scopes.1 is not a scope'],
  [{ clientSecretFile: 'secret' }, 'login.clientSecretFile is not a whole path'],
  [{ clientSecret: 'x', clientSecretFile: '/x' }, 'keep one'],
  [{ domains: [] }, 'login.domains'],
  [{ secret: 'x' }, 'login'],
])('a login that says %j is refused in words', async (wrong, words) => {
  await expect(read({ ...login, ...wrong })).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringContaining(words),
  })
})
