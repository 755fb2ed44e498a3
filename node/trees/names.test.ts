import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openFolder } from '../../test/folder.ts'
import { likeOthers, readNames } from './names.ts'

describe('the names of a folder', () => {
  it('come in the order of their bytes, whatever they are', async () => {
    await using folder = await openFolder()
    const odd = ['b', 'a', 'a.txt', 'B', 'é', 'e\u0301', '😀', '\uffee', 'a b', '-', '~']
    const many = Array.from({ length: 3000 }, (_, i) => `scan-${(i * 7919) % 3000}`)
    const raw = [...odd, ...many].map((name) => Buffer.from(name))
    raw.push(Buffer.from([0x62, 0xff]))
    for (const name of raw) writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/`), name]), '')
    const names = readNames(folder.path)
    expect(names.count).toBe(raw.length)
    const found = Array.from({ length: names.count }, (_, i) => names.bytes(i).toString('hex'))
    expect(found).toEqual(raw.sort(Buffer.compare).map((name) => name.toString('hex')))
  })

  it('are text only when they are UTF-8, and say which are files', async () => {
    await using folder = await openFolder()
    writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/a`), Buffer.from([0xff])]), '')
    mkdirSync(join(folder.path, 'b'))
    writeFileSync(join(folder.path, 'c'), '')
    const names = readNames(folder.path)
    expect([0, 1, 2].map((i) => names.text(i))).toEqual([undefined, 'b', 'c'])
    expect(names.isFile(1)).toBe(false)
  })

  it('are none in an empty folder', async () => {
    await using folder = await openFolder()
    expect(readNames(folder.path).count).toBe(0)
  })

  it('are told apart from those that fold to the same', async () => {
    await using folder = await openFolder()
    const alike = ['Tube', 'tube', 'caf\u00e9', 'cafe\u0301', 'STRASSE', 'straße']
    const apart = Array.from({ length: 2000 }, (_, i) => `well-${i}`)
    for (const name of [...alike, ...apart]) writeFileSync(join(folder.path, name), '')
    const names = readNames(folder.path)
    const isLike = likeOthers(names)
    const found = Array.from({ length: names.count }, (_, i) => i).filter(isLike)
    expect(found.map((i) => names.text(i)).sort()).toEqual(alike.sort())
  })
})
