/** `rsync -a` over ssh to this same machine: what people use today. It verifies, and does not flush. */
import { mkdir } from 'node:fs/promises'
import { run } from '../../test/site.ts'
import { Skipped } from '../case.ts'
import { type Cost, costOf } from '../cost.ts'
import { openSshd } from './sshd.ts'

export interface Rsync extends AsyncDisposable {
  /** One command from start to end, with the CPU of ssh, sshd and both rsyncs. */
  costOf(from: string, to: string): Promise<Cost>
}

/** Throws `Skipped` where it cannot run. */
export async function openRsync(folder: string): Promise<Rsync> {
  if ((await run('sh', ['-c', 'command -v rsync'])).code !== 0)
    throw new Skipped('rsync is not installed')
  const sshd = await openSshd(folder)
  return {
    async costOf(from, to) {
      await mkdir(to, { recursive: true })
      const args = ['-a', '-e', sshd.shell, from, `${sshd.host}:${to}/`]
      return await costOf(
        [sshd.pid],
        async () => {
          const { code, stderr } = await run('rsync', args)
          if (code !== 0) throw new Error(`rsync ended with ${code}: ${stderr}`)
        },
        sshd,
      )
    },
    [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose](),
  }
}
