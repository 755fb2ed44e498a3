/**
 * iroh-blobs through its own binding: the source's store has the file before the clock runs, the sink
 * downloads it into a store on disk, verified, and flushes what it wrote.
 */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { loadIroh } from './iroh.ts'
import { serveEnd } from './process.ts'

const iroh = await loadIroh()
/** No discovery and loopback only: nothing is asked of anybody's servers. */
const options = { ipv4Addr: '127.0.0.1:0', nodeDiscovery: 'None' } as const

type Told = { hash: string; nodeId: string; addresses: string[] }

await serveEnd<Told>({
  async source({ path, folder }) {
    const node = await iroh.Iroh.persistent(folder, options)
    const hash = await new Promise<string>((resolve, reject) => {
      node.blobs
        .addFromPath(path, false, iroh.SetTagOption.auto(), { wrap: false }, (err, told) => {
          if (err) reject(err)
          else if (told.allDone) resolve(told.allDone.hash)
        })
        .catch(reject)
    })
    const { addr, listenAddrs } = await node.node.status()
    return { hash, nodeId: addr.nodeId, addresses: listenAddrs }
  },
  async sink({ folder, bytes }, { hash, nodeId, addresses }) {
    const node = await iroh.Iroh.persistent(folder, options)
    const from = new iroh.BlobDownloadOptions(
      'Raw',
      [{ nodeId, addresses }],
      iroh.SetTagOption.auto(),
    )
    return async () => {
      await new Promise<void>((resolve, reject) => {
        node.blobs
          .download(hash, from, (err, told) => {
            if (err) reject(err)
            else if (told.allDone) resolve()
          })
          .catch(reject)
      })
      await flush(folder)
      return bytes
    }
  },
})

async function flush(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    await using file = await open(join(entry.parentPath, entry.name), 'r')
    await file.sync()
  }
}
