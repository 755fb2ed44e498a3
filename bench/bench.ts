/**
 * `npm run bench`: the promises of the data plane, measured beside real rivals in the same run. Writes
 * bench/README.md, bench/ratios.svg and bench/numbers.json; README.md says how to run parts of it.
 */
import { rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from '../test/site.ts'
import { type Bench, type Case, type Found, Skipped } from './case.ts'
import { cases } from './cases.ts'
import { childrenOf } from './cost.ts'
import { keep, readNumbers, writeNumbers } from './numbers.ts'
import { plotOf } from './plot.ts'
import { profile } from './profile.ts'
import { openScratch } from './scratch.ts'
import { tableOf, writeReadme } from './table.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    pairs: { type: 'string', default: '5' },
    /** Sizes that take seconds: shows that everything works, and proves nothing. */
    quick: { type: 'boolean', default: false },
    /** A share of the promised sizes, for a first look; such numbers are not kept either. */
    scale: { type: 'string', default: '1' },
    long: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    /** Where the results go. Numbers of promised sizes go beside this file unless told otherwise. */
    out: { type: 'string' },
    /** Where the data lies; give it a disk with 45 GB free for `--long`. */
    scratch: { type: 'string', default: tmpdir() },
  },
})

const scale = Number(values.scale)
const whole = !values.quick && scale === 1
const say = (text: string) => console.log(text)

function chosen(): Case[] {
  const names = values.only?.split(',')
  const unknown = names?.find((name) => cases.every((one) => one.name !== name))
  if (unknown !== undefined)
    throw new Error(`no case ${unknown}; there are ${cases.map(({ name }) => name).join(', ')}`)
  return cases.filter((one) =>
    names === undefined
      ? values.long || values.quick || one.long !== true
      : names.includes(one.name),
  )
}

async function runCase(one: Case, bench: Bench): Promise<Found> {
  say(`${one.name}: ${one.rows.map(({ work, measure }) => `${work}, ${measure}`).join('; ')}`)
  try {
    return await one.run(bench)
  } catch (thrown) {
    if (!(thrown instanceof Skipped)) throw thrown
    say(`  skipped: ${thrown.message}`)
    return Object.fromEntries(one.rows.map(({ id }) => [id, { skipped: thrown.message }]))
  }
}

const out =
  values.out ?? (whole ? import.meta.dirname : join(tmpdir(), `crossload-bench-out-${process.pid}`))
await mkdir(out, { recursive: true })
const path = join(out, 'numbers.json')
const commit = (await run('git', ['rev-parse', '--short', 'HEAD'])).stdout.trim()
const at = new Date().toISOString().slice(0, 10)
const machine = `Last run on ${cpus().length} cores (${cpus()[0]!.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, Node ${process.version}, both ends on it${whole ? '' : '; **not the promised sizes**'}.`

await using scratch = await openScratch(values.scratch)
// Homes of sites as well: on the same disk as what they are compared with, and gone with the rest.
process.env.TMPDIR = scratch.folder
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    // Tens of gigabytes and programs that listen are nothing to leave behind.
    for (const pid of await childrenOf(process.pid)) process.kill(pid, 'SIGKILL')
    rmSync(scratch.folder, { recursive: true, force: true, maxRetries: 3 })
    process.exit(1)
  })
}
const bench: Bench = {
  quick: values.quick,
  pairs: Number(values.pairs),
  scratch,
  sized: (full, quick) => (values.quick ? quick : Math.round(full * scale)),
  say,
}
if (values.profile) await profile(bench)
else {
  const failed: string[] = []
  for (const one of chosen()) {
    try {
      const found = await runCase(one, bench)
      // After every case, so that what was measured is kept when a later one fails.
      const numbers = keep(await readNumbers(path), found, { at, commit })
      await writeNumbers(path, numbers)
      await writeReadme(join(out, 'README.md'), { table: tableOf(cases, numbers), machine })
      await writeFile(join(out, 'ratios.svg'), plotOf(cases, numbers))
    } catch (thrown) {
      failed.push(one.name)
      console.error(thrown)
    }
  }
  say(`\n${tableOf(cases, await readNumbers(path))}\n\nWritten to ${out}`)
  if (failed.length > 0) {
    say(`These cases failed: ${failed.join(', ')}`)
    process.exitCode = 1
  }
}
