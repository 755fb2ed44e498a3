/** The files of packs: their names, and how one begins. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { asFault } from '../../../protocol/fault.ts'
import type { NewPack } from './writer.ts'

/** Packs there may ever be: the digits of a name. A number is never used again. */
export const packsMax = 99_999_999

const nameForm = /^(\d{8})\.car$/

export function packName(pack: number): string {
  return `${String(pack).padStart(8, '0')}.car`
}

export function packNumber(name: string): number | undefined {
  const digits = nameForm.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** `settle` makes its name durable. */
export async function createPackFile(
  path: string,
  number: number,
  settle: () => Promise<void>,
): Promise<NewPack> {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW
  const file = await open(path, flags, 0o640).catch((thrown) => {
    throw asFault(thrown, 'store.pack', 'the store')
  })
  return { number, file, settle }
}
