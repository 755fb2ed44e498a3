/** What it means that content is not there, or is not what it was. */
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'

export function missing(cid: FileCid | Root): Fault {
  return new Fault('missing', 'store.read', { about: cid, text: `${cid} is not held here.` })
}

export function corrupt(cid: FileCid | Root): Fault {
  return new Fault('corrupt', 'store.read', {
    about: cid,
    text: `${cid} has changed on the disk. Verify the dataset, check the disk, and have it sent again.`,
  })
}
