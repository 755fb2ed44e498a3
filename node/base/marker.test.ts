import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultOf, openFolder } from '../../test/folder.ts'
import { checkMarker, createMarker, markerName } from './marker.ts'

test('a folder is missing its marker until it is marked, then ours, and foreign to others', async () => {
  await using folder = await openFolder()
  expect(await checkMarker(folder.path, 'oslo')).toBe('missing')
  expect(await checkMarker(join(folder.path, 'not-mounted'), 'oslo')).toBe('missing')
  await createMarker(folder.path, 'oslo')
  expect(await checkMarker(folder.path, 'oslo')).toBe('ours')
  expect(await checkMarker(folder.path, 'kyoto')).toBe('foreign')
})

test('marking again changes nothing; marking another’s is refused and leaves it', async () => {
  await using folder = await openFolder()
  await createMarker(folder.path, 'oslo')
  await createMarker(folder.path, 'oslo')
  expect(await faultOf(createMarker(folder.path, 'kyoto'))).toMatchObject({ kind: 'exists' })
  expect(await checkMarker(folder.path, 'oslo')).toBe('ours')
})

test('a marker with any byte changed, or cut, is not ours', async () => {
  await using folder = await openFolder()
  await createMarker(folder.path, 'oslo')
  const path = join(folder.path, markerName)
  const whole = await readFile(path)
  for (let i = 0; i < whole.length; i++) {
    const changed = Buffer.from(whole)
    changed[i]! ^= 1
    await writeFile(path, changed)
    expect(await checkMarker(folder.path, 'oslo')).toBe('foreign')
    await writeFile(path, whole.subarray(0, i))
    expect(await checkMarker(folder.path, 'oslo')).toBe('foreign')
  }
})
