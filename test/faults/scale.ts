/**
 * Many small files in one dataset: added, listed, searched at a real site. Its event loop goes on
 * turning, its memory stays flat, and a file of a million costs what a file of a hundred thousand does.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { ana, openSite, type Site } from '../site.ts'
import type { Pauses } from './pauses.ts'

const mb = 1_000_000
/** How long others may wait for the site, in milliseconds. */
export const pauseMsMax = 50
/**
 * What the site may hold of the machine's memory at any moment. An idle one holds 125 MB, 60 of them
 * the program itself; measured with a million files: 215.
 */
const residentBytesMax = 240 * mb
/** How much more a file may cost among ten times as many. The aim is 1.05; a timed figure needs room. */
const growthMax = 1.5
const foldersMax = 1000

export type Work = { files: number; inPlace: boolean }

export function scaleStories(works: readonly Work[], endMs: number): void {
  describe.skipIf(process.platform !== 'linux')('many files', () => {
    let site: Site
    let client: Client
    let folder: string
    /** Microseconds on the processor for each file, by the work. */
    const costs = new Map<Work, number>()

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'crossload-scale-'))
      const pauses = resolve(import.meta.dirname, 'pauses.ts')
      const env = {
        NODE_OPTIONS: `--import=${pauses}`,
        CROSSLOAD_TEST_PAUSES: join(folder, 'pauses.json'),
      }
      site = await openSite('oslo', { env })
      client = await site.as(ana)
      // Once before, so that the code of all that follows is compiled: that is what a site runs with.
      writeNumbered(join(folder, 'first'), 1)
      await client.call('datasets.add', { name: 'first', path: join(folder, 'first') })
      await site.kill('SIGTERM')
      await site.start()
    }, 120_000)
    afterAll(async () => {
      await site?.[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    }, 600_000)

    for (const work of works) {
      const what = `${work.files} files, ${work.inPlace ? 'left in place' : 'copied'}`
      test(
        `${what}, are added, listed and searched`,
        async () => {
          const path = join(folder, `tree-${work.files}-${work.inPlace}`)
          const names = writeNumbered(path, work.files)
          const seen = createSeen(site, join(folder, 'pauses.json'), what)
          await seen.begin()
          const begun = await cpuOf(site)

          const added = await client.call('datasets.add', {
            name: what,
            path,
            inPlace: work.inPlace,
          })
          expect(added.files).toBe(work.files)
          await seen.look('added')

          let count = 0
          let last = ''
          for await (const file of listed(client, added.id)) {
            count++
            if (count % 1000 === 0) expect(file > last).toBe(true)
            last = file
          }
          expect(count).toBe(work.files)
          await seen.look('listed')

          const one = names.at(-1)!
          const found: string[] = []
          const search = one.slice(one.indexOf('/') + 1).toUpperCase()
          for await (const file of listed(client, added.id, search)) found.push(file)
          expect(found).toEqual([one])
          await seen.look('searched')

          costs.set(work, ((await cpuOf(site)) - begun) / work.files)
          await rm(path, { recursive: true })
        },
        endMs,
      )
    }

    test.runIf(works.length > 1)('a file costs as much among more of them', () => {
      for (const more of works) {
        const fewer = works.find((one) => one.inPlace === more.inPlace && one.files < more.files)
        if (fewer === undefined) continue
        const growth = costs.get(more)! / costs.get(fewer)!
        console.log(
          `scale: ${more.files} files cost ${costs.get(more)!.toFixed(1)} us each, ${growth.toFixed(2)} times what ${fewer.files} do (${more.inPlace ? 'in place' : 'copied'})`,
        )
        expect(growth).toBeLessThan(growthMax)
      }
    })
  })
}

/** Small files in a thousand folders or fewer. Returns their paths in no particular order. */
function writeNumbered(top: string, count: number): string[] {
  const folders = Math.min(foldersMax, Math.ceil(count / 100))
  const names: string[] = []
  for (let i = 0; i < count; i++) {
    const folder = `plate-${String(i % folders).padStart(4, '0')}`
    if (i < folders) mkdirSync(join(top, folder), { recursive: true })
    const name = `${folder}/well-${String(i).padStart(7, '0')}.fcs`
    writeFileSync(join(top, name), `events of well ${i}\n`)
    names.push(name)
  }
  return names
}

async function* listed(client: Client, id: number, search?: string): AsyncGenerator<string> {
  let after: string | undefined
  do {
    const input = { id, ...(search && { search }), ...(after && { after }) }
    const page = await client.call('datasets.files', input)
    for (const { path } of page.files) yield path
    after = page.next
  } while (after !== undefined)
}

/** Looks at the site from outside, and asks it how long its loop stood still. */
function createSeen(site: Site, file: string, what: string) {
  async function pauses(): Promise<Pauses> {
    await rm(file, { force: true })
    site.process.kill('SIGUSR2')
    for (let tries = 0; ; tries++) {
      const text = await readFile(file, 'utf8').catch(() => undefined)
      if (text !== undefined) return JSON.parse(text)
      if (tries > 1000) throw new Error('The site did not say how long it stood still.')
      await pause(10)
    }
  }
  let startedAt = 0
  return {
    async begin() {
      await pauses()
      startedAt = performance.now()
    },
    async look(done: string) {
      const ms = performance.now() - startedAt
      const { longestMs, p999Ms, busiestMs } = await pauses()
      const peak = (await statusOf(site, 'VmHWM')) * 1024
      console.log(
        `scale: ${what}, ${done} in ${(ms / 1000).toFixed(1)} s; longest pause ${longestMs.toFixed(0)} ms (99.9%: ${p999Ms.toFixed(0)} ms, own work ${busiestMs.toFixed(0)} ms); at most ${Math.round(peak / mb)} MB`,
      )
      expect(busiestMs).toBeLessThan(pauseMsMax)
      // What the wall's clock says is the site's doing only on a machine that has nothing else to do.
      if (loadavg()[0]! < cpus().length) expect(longestMs).toBeLessThan(pauseMsMax)
      expect(peak).toBeLessThan(residentBytesMax)
      startedAt = performance.now()
    },
  }
}

async function statusOf(site: Site, name: string): Promise<number> {
  const text = await readFile(`/proc/${site.process.pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)![1])
}

/** Time on the processor of all threads of the site, in microseconds. */
async function cpuOf(site: Site): Promise<number> {
  const text = await readFile(`/proc/${site.process.pid}/stat`, 'utf8')
  // Behind the name, which may hold anything: the 12th and 13th, in hundredths of a second.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
