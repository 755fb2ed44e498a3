/**
 * One process per home. Each process that wants the home puts an empty file into the lock folder,
 * named by its pid, the instant it started and the boot of the machine, and only then looks for
 * others. So of two that come at once at least one sees the other, and never do both stay. A name
 * whose process is gone, or whose pid now belongs to a process that started at another instant,
 * holds nobody up.
 *
 * It asks nothing of LevelDB's own lock, which is a second line: that one is gone when somebody
 * deletes its file, this one cannot look into another container.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import { systemClock } from './clock.ts'
import { makeFolder } from './files.ts'

/** What the machine knows of its processes. */
export interface Processes {
  /** The same until the machine is started again. */
  boot(): Promise<string>
  /** When the process with this pid started, in any form without dots; undefined when there is none. */
  startOf(pid: number): Promise<string | undefined>
}

/** How often, and how far apart in milliseconds, others are given time to leave again. */
const looksMax = 10
const lookAgainMs = 20

/**
 * Takes the home for the process `pid`, ours, until disposed or until the process ends in whatever
 * way. Faults `busy`, about the other's pid, when another process has it or this one took it before.
 */
export async function openLock(o: {
  folder: string
  pid: number
  processes?: Processes
}): Promise<AsyncDisposable> {
  const processes =
    o.processes ?? ((await isThere('/proc/self/stat')) ? procProcesses : psProcesses)
  const boot = await processes.boot()
  const start = await processes.startOf(o.pid)
  assert(start !== undefined, 'the lock is taken by a process that runs')
  const name = `${o.pid}.${start}.${boot}`
  await makeFolder(o.folder)
  await claim(join(o.folder, name), o.pid)
  const release = () => rm(join(o.folder, name), { force: true })
  try {
    for (let looks = 1; ; looks++) {
      const others = (await readdir(o.folder)).filter((other) => other !== name)
      const holders = await Promise.all(others.map((other) => holderOf(other, boot, processes)))
      const first = others.findIndex((_, i) => holders[i] !== undefined)
      if (first === -1) {
        for (const dead of others) await rm(join(o.folder, dead), { force: true })
        return { [Symbol.asyncDispose]: release }
      }
      // Of two that only just came, the one that is later in the alphabet leaves at once; the other
      // looks again a few times before it takes the first for a holder.
      if (
        looks === looksMax ||
        others.some((other, i) => holders[i] !== undefined && other < name)
      ) {
        throw held(holders[first]!)
      }
      await systemClock.sleep(lookAgainMs)
    }
  } catch (thrown) {
    await release()
    throw asFault(thrown, 'lock.open', o.folder)
  }
}

async function claim(path: string, pid: number): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.close()
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') throw held(pid)
    throw asFault(thrown, 'lock.open', path)
  }
}

/** The pid that a name in the folder stands for, if that very process still runs. */
async function holderOf(
  name: string,
  boot: string,
  processes: Processes,
): Promise<number | undefined> {
  const [pid, start, bootThen] = name.split('.')
  if (bootThen !== boot || !/^\d+$/.test(pid!)) return undefined
  return (await processes.startOf(Number(pid))) === start ? Number(pid) : undefined
}

function held(pid: number): Fault {
  return new Fault('busy', 'lock.open', {
    about: pid,
    text: `The home is in use: Crossload runs there already, with pid ${pid}. Stop that one, then start again.`,
  })
}

/** As Linux tells. */
export const procProcesses: Processes = {
  async boot() {
    const path = '/proc/sys/kernel/random/boot_id'
    return (await isThere(path)) ? (await readFile(path, 'utf8')).trim() : 'boot'
  },
  async startOf(pid) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch((thrown) => {
      // ESRCH: it ended between the opening and the reading.
      if (thrown.code === 'ENOENT' || thrown.code === 'ESRCH') return undefined
      throw thrown
    })
    // The name, in brackets, may itself hold brackets and spaces; what counts comes behind it.
    const facts = text?.slice(text.lastIndexOf(')') + 2).split(' ')
    const state = facts?.[0]
    // A dead process that nobody has buried yet holds nothing.
    return state === 'Z' || state === 'X' ? undefined : facts?.[19]
  },
}

/** As other Unixes tell. The start is a date there, so a boot needs no name of its own. */
export const psProcesses: Processes = {
  boot: async () => 'boot',
  startOf: (pid) =>
    new Promise((resolve, reject) => {
      execFile('ps', ['-o', 'lstart=', '-p', String(pid)], (error, stdout) => {
        if (error !== null && typeof error.code === 'string') {
          reject(
            new Fault('unsupported', 'lock.open', {
              cause: error,
              text: 'There is no program `ps`. Install it.',
            }),
          )
        } else resolve(stdout.trim().replace(/\W+/g, '-') || undefined)
      })
    }),
}

async function isThere(path: string): Promise<boolean> {
  return open(path, 'r').then(
    (file) => file.close().then(() => true),
    () => false,
  )
}
