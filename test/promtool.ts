/** Prometheus' own tool, which says whether others will understand our numbers and our rules. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

const promtool = 'promtool'
const found = spawnSync(promtool, ['--version'], { stdio: 'ignore' })

/** Why nothing can be checked, or undefined. */
export const noPromtool =
  found.error === undefined
    ? undefined
    : 'promtool is not installed (Debian: apt install prometheus)'

/** What it says about `input`; nothing is wrong when the code is 0. */
export async function runPromtool(
  args: string[],
  input = '',
): Promise<{ code: number; said: string }> {
  const child = spawn(promtool, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      said += data
    })
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  return { code, said }
}

/** One series of a scrape: its value, or undefined when it is not there. */
export function sampleOf(
  scrape: string,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  for (const line of scrape.split('\n')) {
    const read = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (read === null || read[1] !== name) continue
    const has = Object.entries(labels).every(([key, value]) =>
      (read[2] ?? '').split(',').includes(`${key}="${value}"`),
    )
    if (has) return Number(read[3])
  }
  return undefined
}
