/**
 * Registering data where it lies: what is written to disks besides index and manifest. The system says
 * what the process wrote in all, and the home says which of its files grew; content would be seen in both.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { cborCode } from '../../node/store/packs/names.ts'
import { scanPack } from '../../node/store/packs/scan.ts'
import { packHeader } from '../../node/store/packs/section.ts'
import { openSite } from '../../test/site.ts'
import type { Case } from '../case.ts'
import { writtenBy } from '../cost.ts'

/**
 * The index, the journal with it, where files lie, and the program's own code as compiled. The manifest
 * is in packs, as their dag-cbor blocks: what else is in them would be content.
 */
const expected = /^(index|journal|cache|store\/places)\//

export const inPlace: Case = {
  name: 'in-place',
  long: true,
  rows: [
    {
      id: 'in-place.other',
      work: 'registering 20 GB in place',
      measure: 'bytes written besides index and manifest',
      least: 0,
      aim: 0,
      better: 'less',
      unit: 'bytes',
    },
    {
      id: 'in-place.all',
      work: 'registering 20 GB in place',
      measure: 'bytes written in all, as the system counts',
      better: 'less',
      unit: 'bytes',
    },
  ],
  async run(bench) {
    const bytes = bench.sized(20e9, 8e6)
    const path = await bench.scratch.large(bytes)
    await bench.scratch.settle()
    await using oslo = await openSite('oslo')
    const ana = await oslo.as('ana@lab.example')
    const before = await sizesIn(oslo.home)
    const written = await writtenBy(oslo.process.pid!)
    await ana.call('datasets.add', { name: 'In place', path, inPlace: true })
    await bench.scratch.settle()
    const all = (await writtenBy(oslo.process.pid!)) - written
    const after = await sizesIn(oslo.home)
    const grown = [...after].map(([name, size]) => [name, size - (before.get(name) ?? 0)] as const)
    const more: [string, number][] = []
    for (const [name, by] of grown.filter(([name, by]) => by > 0 && !expected.test(name))) {
      const isPack = name.startsWith('store/packs/') && name.endsWith('.car')
      const manifest = isPack ? await manifestIn(join(oslo.home, name), before.get(name)) : 0
      if (by > manifest) more.push([name, by - manifest])
    }
    const other = more.reduce((sum, [, by]) => sum + by, 0)
    const names = more.map(([name, by]) => `${name} ${by}`).join(', ') || 'no other file grew'
    const note = `${(bytes / 1e9).toFixed(1)} GB; ${names}`
    return {
      'in-place.other': { value: other, all: [other], note },
      'in-place.all': {
        value: all,
        all: [all],
        note: 'index, journal and manifest with all their blocks',
      },
    }
  },
}

/** Bytes of a pack that are blocks of manifests, with what a pack writes around a block. */
async function manifestIn(path: string, from = 0): Promise<number> {
  await using file = await open(path)
  const { size } = await file.stat()
  let end = Math.max(from, packHeader.byteLength)
  let manifest = end - from
  for await (const sections of scanPack(file, end, size)) {
    for (const section of sections) {
      if (section.key[0] === cborCode) manifest += section.end - end
      end = section.end
    }
  }
  return manifest
}

async function sizesIn(home: string): Promise<Map<string, number>> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true })
  const sizes = new Map<string, number>()
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const { size } = await stat(path).catch(() => ({ size: 0 }))
    sizes.set(relative(home, path), size)
  }
  return sizes
}
