/**
 * `npm run bench -- --profile`: where the time goes when one large file is sent. Both sites run under
 * V8's sampling profiler; what is printed is the own time of functions while the send ran, by side.
 */
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench } from './case.ts'
import { largeBytes } from './cases/sizes.ts'
import { costOf } from './cost.ts'
import { add, openPair, pidsOf, send } from './sites.ts'

type Profile = {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number }
  }[]
  startTime: number
  samples: number[]
  timeDeltas: number[]
}

/** How many functions of a thread are told. */
const toldMax = 20
/** What a thread does when it does nothing. */
const idle = new Set(['(idle)', '(root)'])
/** The clock of V8's profiles, in microseconds. */
const nowUs = () => Number(process.hrtime.bigint() / 1000n)

export async function profile(bench: Bench): Promise<void> {
  const path = await bench.scratch.large(largeBytes(bench))
  const folders = {
    source: await mkdtemp(join(bench.scratch.folder, 'oslo-')),
    destination: await mkdtemp(join(bench.scratch.folder, 'kyoto-')),
  }
  const env = (folder: string) => ({
    env: { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${folder}` },
  })
  await using pair = await openPair({
    lane: true,
    oslo: env(folders.source),
    kyoto: env(folders.destination),
  })
  const { id } = await add(pair, path)
  await bench.scratch.settle()
  const from = nowUs()
  const cost = await costOf(pidsOf(pair), () => send(pair, id))
  const to = nowUs()
  bench.say(`${cost.wall.toFixed(2)} s, ${cost.cpu.toFixed(2)} CPU s of both, profiler included`)
  // The profile is written when the process ends by itself.
  await Promise.all([pair.oslo.kill('SIGTERM'), pair.kyoto.kill('SIGTERM')])
  for (const [side, folder] of Object.entries(folders)) {
    for (const name of await readdir(folder)) {
      const text = await readFile(join(folder, name), 'utf8')
      tell(
        `${side}, ${name.replace(/\.cpuprofile$/, '')}`,
        JSON.parse(text),
        { from, to },
        bench.say,
      )
    }
  }
}

function tell(
  what: string,
  { nodes, samples, timeDeltas, startTime }: Profile,
  within: { from: number; to: number },
  say: (text: string) => void,
): void {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const own = new Map<string, number>()
  const groups = new Map<string, number>()
  let busy = 0
  let at = startTime
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i]!
    // A sample stands for the time until the next one.
    const us = timeDeltas[i + 1] ?? 0
    if (at < within.from || at > within.to || us <= 0) continue
    const { functionName, url, lineNumber } = frames.get(id)!
    if (idle.has(functionName)) continue
    busy += us
    const place = placeOf(url)
    const name = `${functionName || '(anonymous)'} ${place}${url === '' ? '' : `:${lineNumber + 1}`}`
    own.set(name, (own.get(name) ?? 0) + us)
    const group = url === '' ? functionName : groupOf(place)
    groups.set(group, (groups.get(group) ?? 0) + us)
  }
  if (busy === 0) return
  say(
    `\n${what}: busy ${(busy / 1e6).toFixed(2)} s of ${((within.to - within.from) / 1e6).toFixed(2)} s`,
  )
  for (const [kind, all] of Object.entries({ groups, functions: own })) {
    say(`  ${kind}`)
    for (const [name, us] of top(all))
      say(
        `    ${((us / busy) * 100).toFixed(1).padStart(5)} %  ${(us / 1e6).toFixed(2)} s  ${name}`,
      )
  }
}

const top = (all: Map<string, number>) =>
  [...all].toSorted(([, a], [, b]) => b - a).slice(0, toldMax)

/** From the last package or the project's own folder on. */
function placeOf(url: string): string {
  const path = url.replace(/^file:\/\//, '')
  const inPackage = path.lastIndexOf('/node_modules/')
  if (inPackage >= 0) return path.slice(inPackage + '/node_modules/'.length)
  return path.replace(join(import.meta.dirname, '..', '/'), '')
}

/** A package, a room, or what Node itself does. */
function groupOf(place: string): string {
  const parts = place.split('/')
  if (place.startsWith('node:')) return place
  return parts[0]!.startsWith('@') || parts[0] === 'node' ? parts.slice(0, 2).join('/') : parts[0]!
}
