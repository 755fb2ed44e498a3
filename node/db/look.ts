/** The index looked at by a child process, before this one trusts its own life to it. See `probe.ts`. */
import { fork } from 'node:child_process'
import { extname, join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import { readIfThere } from '../base/files.ts'
import type { Verdict } from './probe.ts'

/** The longest a probe may take before it is ended and the index counts as damaged. */
const probeMsMax = 60_000
/** How much of a dying probe's last words is kept, in characters. */
const lastWordsMax = 2000

const probeProgram = join(import.meta.dirname, `probe${extname(import.meta.filename)}`)

/**
 * Resolves when a process of its own could read the index and found nothing wrong. Faults `missing`
 * when there is none, `corrupt` when it is damaged or ended that process, `busy` when another holds
 * it, `internal` when the probe itself could not begin, which says nothing of the index.
 */
export async function lookFirst(folder: string, program = probeProgram): Promise<void> {
  // LevelDB makes a folder even when it is told not to, so it is not asked.
  if ((await readIfThere(join(folder, 'CURRENT'))) === undefined) {
    throw new Fault('missing', 'db.open', { text: 'The index is not there.' })
  }
  const child = fork(program, [folder], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: probeMsMax,
    killSignal: 'SIGKILL',
  })
  let verdict: Verdict | undefined
  let words = ''
  child.on('message', (message) => {
    verdict = message as Verdict
  })
  child.stderr?.on('data', (chunk) => {
    words = (words + chunk).slice(0, lastWordsMax)
  })
  const ended = await new Promise<string>((resolve, reject) => {
    child.once('error', (thrown) => reject(asFault(thrown, 'db.probe')))
    child.once('close', (code, signal) => resolve(String(signal ?? code)))
  })
  if (verdict?.found === 'sound') return
  if (verdict?.found === 'fault') throw new Fault(verdict.kind, 'db.open', { text: verdict.text })
  const cause = new Error(`the probe ended with ${ended}: ${words}`)
  if (verdict === undefined) throw new Fault('internal', 'db.open', { cause, text: cause.message })
  throw new Fault('corrupt', 'db.open', {
    cause,
    text: 'The index is damaged: reading it ended the process.',
  })
}
