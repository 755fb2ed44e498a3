/**
 * Prism, a program of others that knows nothing of us but the document, between an asker and a site.
 * What it says is wrong with an answer stands in a header of its own; what it says of questions is
 * not asked for, because wrong questions are half of the storm.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePort } from '../../bench/free-port.ts'
import { eventually, top } from '../site.ts'
import { offlineEnv } from './offline.ts'

const program = join(top, 'node_modules/@stoplight/prism-cli/dist/index.js')
const committed = join(top, 'api/openapi.json')

/** What Prism found, of a question or of an answer. */
type Violation = { location: string[]; severity: string; message: string }

export interface Prism extends AsyncDisposable {
  readonly url: string
}

export async function openPrism(upstream: string, document = committed): Promise<Prism> {
  const port = await freePort()
  const args = [program, 'proxy', document, upstream, '--errors', '--validate-request=false']
  const child = spawn(process.execPath, [...args, '--port', String(port), '-v', 'fatal'], {
    env: offlineEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (data) => {
    said += data
  })
  const isUp = async () => {
    if (child.exitCode !== null) throw new Error(`Prism ended with ${child.exitCode}: ${said}`)
    return await takes(port)
  }
  await eventually(isUp, `Prism listens: ${said}`, 60_000)
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      const gone = once(child, 'exit')
      child.kill()
      await gone
    },
  }
}

function takes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/**
 * What Prism has against an answer. A status that the document does not list is a warning to it, not
 * an error; here it is as bad. Empty when nothing is wrong.
 */
export async function violationsOf(response: Response): Promise<string[]> {
  const found = response.headers.get('sl-violations')
  const body = await response.text()
  if (found !== null) {
    // A list too long for a header is cut; what is left is text.
    const listed = found.startsWith('[') ? (JSON.parse(found) as Violation[]) : undefined
    if (listed === undefined) return [found]
    return listed
      .filter(({ location }) => location[0] === 'response')
      .map(({ location, message }) => `${location.join('.')}: ${message}`)
  }
  return /stoplight\.io\/prism\/errors#/.test(body) ? [body] : []
}
