/**
 * `npm run bench`: one large file from Oslo's `send` to Kyoto's `imported`, in pairs with the disk's
 * own floor (`cp`, flushed), both ends on this machine. Writes bench/README.md. Rivals over a network
 * come with the data plane.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { acceptedPair, isDone, run, type Site, until } from '../test/site.ts'
import { writeLarge } from '../test/trees.ts'

const pairs = Number(process.env.BENCH_PAIRS ?? 5)
const bytes = Number(process.env.BENCH_BYTES ?? 512 * 1024 * 1024)
/** Clock ticks a second in /proc, the same on every Linux that Node runs on. */
const ticks = 100

async function cpuOf(site: Site): Promise<number> {
  const text = await readFile(`/proc/${site.process.pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticks
}

async function peakOf(site: Site): Promise<number> {
  const text = await readFile(`/proc/${site.process.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+)/.exec(text)![1]) / 1024
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!
const seconds = (from: number) => (performance.now() - from) / 1000

type Round = { wall: number; cpu: number; floor: number }

const folder = await mkdtemp(join(tmpdir(), 'crossload-bench-'))
const rounds: Round[] = []
let peak = 0
try {
  for (let round = 0; round < pairs; round++) {
    const file = join(folder, `large-${round}.bin`)
    await writeLarge(file, bytes, round + 1)
    await using pair = await acceptedPair()
    const { oslo, kyoto, atOslo, to } = pair
    const { id } = await atOslo.call('datasets.add', { name: 'Large', path: file })
    const before = (await cpuOf(oslo)) + (await cpuOf(kyoto))
    const started = performance.now()
    const sent = await atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })
    await until(atOslo, sent.id, isDone, 600_000)
    const wall = seconds(started)
    const cpu = (await cpuOf(oslo)) + (await cpuOf(kyoto)) - before
    peak = Math.max(peak, await peakOf(oslo), await peakOf(kyoto))
    const copying = performance.now()
    await run('sh', ['-c', 'cp "$1" "$1.copy" && sync "$1.copy"', 'sh', file])
    rounds.push({ wall, cpu, floor: seconds(copying) })
    console.log(
      `${round + 1}/${pairs}: ${wall.toFixed(2)} s, ${cpu.toFixed(2)} CPU s; cp ${rounds.at(-1)!.floor.toFixed(2)} s`,
    )
    await rm(file)
    await rm(`${file}.copy`)
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}

const mb = bytes / 1e6
const rate = median(rounds.map(({ wall }) => mb / wall))
const text = `# Bench

Written by \`npm run bench\` on ${cpus().length} cores (${cpus()[0]!.model.trim()}), Node ${process.version}; both sites on one machine, medians of
${pairs} pairs. A time alone means little on a shared machine; the ratios and CPU-seconds do.

| work | measure | value |
|---|---|---|
| one file of ${Math.round(mb)} MB, from \`send\` to imported and flushed | MB/s | ${rate.toFixed(0)} |
| the same | CPU-seconds, both sites, per GB | ${((median(rounds.map(({ cpu }) => cpu)) / mb) * 1000).toFixed(1)} |
| the same | wall, against \`cp\` and \`sync\` of the file on the same disk | ${median(rounds.map(({ wall, floor }) => wall / floor)).toFixed(1)}× its time |
| the same | peak resident memory of either site | ${peak.toFixed(0)} MB |

Content goes over one libp2p stream (TCP, Noise, yamux), each block hashed at the source, at the destination before it is written, and
flushed every 4 MiB. Where the time goes, rivals in the same run and the direct lane are the data plane's work.
`
await writeFile(join(import.meta.dirname, 'README.md'), text)
console.log(`\n${text}`)
