/** A folder of its own for one test, gone with it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function openFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'crossload-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The fault that a promise ends in, to look at its facts. */
export async function faultOf(run: Promise<unknown>): Promise<unknown> {
  return run.then(
    () => 'no fault',
    (thrown) => thrown,
  )
}
