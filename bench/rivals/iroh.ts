/**
 * `@number0/iroh` lives in a package of its own, because its lock breaks the root's `npm ci`. The
 * bench installs it when it is asked for; where that fails the case is skipped by name.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { run } from '../../test/site.ts'
import { Skipped } from '../case.ts'

type Progress = { allDone?: { hash: string } }
type Told = (err: Error | null, told: Progress) => void
type Tag = { readonly auto: boolean }

/** The little of its interface that the bench uses; its package may not be there to say it. */
export type IrohPackage = {
  Iroh: {
    persistent(
      folder: string,
      options: { ipv4Addr: string; nodeDiscovery: 'None' },
    ): Promise<{
      blobs: {
        addFromPath(
          path: string,
          inPlace: boolean,
          tag: Tag,
          wrap: { wrap: boolean },
          told: Told,
        ): Promise<void>
        download(hash: string, options: object, told: Told): Promise<void>
      }
      node: { status(): Promise<{ addr: { nodeId: string }; listenAddrs: string[] }> }
    }>
  }
  SetTagOption: { auto(): Tag }
  BlobDownloadOptions: new (
    format: 'Raw',
    nodes: { nodeId: string; addresses: string[] }[],
    tag: Tag,
  ) => object
}

const require = createRequire(import.meta.url)

export const loadIroh = async (): Promise<IrohPackage> => require('@number0/iroh') as IrohPackage

/** Installs it unless it is there. */
export async function needIroh(o: { install: boolean }): Promise<void> {
  const there = () => {
    try {
      require.resolve('@number0/iroh')
      return true
    } catch {
      return false
    }
  }
  if (there()) return
  if (!o.install) throw new Skipped('@number0/iroh is not installed in bench/rivals')
  const { code, stderr } = await run('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: join(import.meta.dirname),
  })
  if (code !== 0 || !there())
    throw new Skipped(`@number0/iroh could not be installed: ${stderr.trim().split('\n')[0]}`)
}
