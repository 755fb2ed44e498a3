/**
 * One file from a site to this machine. What has come lies beside the target under the file's CID, so
 * that whoever was cut goes on from there; it gets its name when all of it has the digest that the site
 * says.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { asFault, Fault } from '../protocol/fault.ts'

export type Downloaded = {
  readonly file: string
  readonly bytes: number
  /** How much of it had come before. */
  readonly resumedAt: number
  /** Of the whole, in hex. */
  readonly sha256: string
}

export type Ask = (method: 'GET' | 'HEAD', headers: Record<string, string>) => Promise<Response>

export async function download(
  ask: Ask,
  target: string,
  o: { signal: AbortSignal; onProgress: (bytes: number, of: number) => void },
): Promise<Downloaded> {
  await checkNew(target)
  const head = await ask('HEAD', {})
  const tag = head.headers.get('etag') ?? ''
  const size = Number(head.headers.get('content-length'))
  const part = join(dirname(target), `.${basename(target)}.${tag.replace(/\W/g, '')}.part`)
  const file = await opened(part)
  try {
    const hash = createHash('sha256')
    const from = await hashed(part, size, hash, o.signal)
    await file.truncate(from)
    let at = from
    if (from < size) {
      const response = await ask('GET', { range: `bytes=${from}-`, 'if-range': tag })
      if (response.status !== 206 || response.headers.get('etag') !== tag) throw changed(target)
      for await (const bytes of bodyOf(response, part)) {
        await writeAll(file, bytes, at)
        hash.update(bytes)
        at += bytes.byteLength
        o.onProgress(at, size)
      }
    }
    if (at !== size) throw cut(part)
    await file.sync()
    const digest = hash.digest()
    const asked = await ask('HEAD', { 'want-repr-digest': 'sha-256=1' })
    const said = /sha-256=:([^:]+):/.exec(asked.headers.get('repr-digest') ?? '')?.[1]
    if (asked.headers.get('etag') !== tag || said !== digest.toString('base64')) {
      await rm(part, { force: true })
      throw new Fault('corrupt', 'cli.download', {
        about: target,
        text: 'What has come is not the file: its digest differs. It was taken away; fetch it again.',
      })
    }
    await checkNew(target)
    await rename(part, target)
    return { file: target, bytes: size, resumedAt: from, sha256: digest.toString('hex') }
  } catch (thrown) {
    if (o.signal.aborted) throw thrown
    throw asFault(thrown, 'cli.download', target)
  } finally {
    await file.close()
  }
}

async function checkNew(target: string): Promise<void> {
  try {
    await lstat(target)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return
    throw asFault(thrown, 'cli.download', target)
  }
  throw new Fault('exists', 'cli.download', {
    about: target,
    text: `${target} is already there. Name another file.`,
  })
}

async function opened(part: string): Promise<FileHandle> {
  // Never through a link that somebody has put there.
  const flags = ['r+', 'wx'] as const
  try {
    if ((await lstat(part).catch(() => undefined))?.isFile()) return await open(part, flags[0])
    return await open(part, flags[1])
  } catch (thrown) {
    throw asFault(thrown, 'cli.download', part)
  }
}

/** What is there already goes into the hash; answers how much it is. */
async function hashed(
  part: string,
  size: number,
  hash: Hash,
  signal: AbortSignal,
): Promise<number> {
  let count = 0
  if (size === 0) return 0
  for await (const bytes of createReadStream(part, { end: size - 1, signal })) {
    hash.update(bytes as Uint8Array)
    count += (bytes as Uint8Array).byteLength
  }
  return count
}

async function* bodyOf(response: Response, part: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of response.body!) yield bytes
  } catch (cause) {
    throw cut(part, cause)
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    done += (await file.write(bytes, done, bytes.byteLength - done, at + done)).bytesWritten
  }
}

function cut(about: string, cause?: unknown): Fault {
  return new Fault('unreachable', 'cli.download', {
    about,
    side: 'between',
    text: 'The line was cut before all of the file had come. Give the same command again: it goes on from there.',
    cause,
  })
}

function changed(about: string): Fault {
  return new Fault('conflict', 'cli.download', {
    about,
    text: 'The file became another one meanwhile. Give the same command again.',
  })
}
