/** Prometheus' own tool, which says whether others will understand our numbers and our rules. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

const promtool = 'promtool'
const prometheus = 'prometheus'

function missing(program: string): string | undefined {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' })
  return error && `${program} is not installed (Debian: apt install prometheus)`
}

/** Why nothing can be checked, or undefined. */
export const noPromtool = missing(promtool)
/** Why nothing can be read by the real thing, or undefined. */
export const noPrometheus = missing(prometheus)

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

/** How long it may take to come up, in milliseconds. */
const upMs = 20_000

type Found = { metric: Record<string, string>; value: [number, string] }[]

/** Prometheus with the `prometheus.yml` of this folder, on loopback; it keeps what it reads there too. */
export async function openPrometheus(
  folder: string,
): Promise<AsyncDisposable & { query(text: string): Promise<Found> }> {
  const child = spawn(
    prometheus,
    [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=kept',
      '--web.listen-address=127.0.0.1:0',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = once(child, 'exit')
  let said = ''
  const listening = new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`it did not come up:\n${said}`)), upMs)
    child.on('exit', () => reject(new Error(`it ended:\n${said}`)))
    child.stderr.on('data', (data) => {
      said += data
      const found = /Listening on" address=(\S+)/.exec(said)
      if (found === null || !said.includes('Server is ready')) return
      clearTimeout(late)
      resolve(found[1]!)
    })
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  const address = await listening.catch(async (thrown) => {
    await stop()
    throw thrown
  })
  return {
    async query(text) {
      const asked = `http://${address}/api/v1/query?query=${encodeURIComponent(text)}`
      const { data } = (await (await fetch(asked)).json()) as { data: { result: Found } }
      return data.result
    },
    [Symbol.asyncDispose]: stop,
  }
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
