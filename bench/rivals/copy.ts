/** The disk's own floor: `cp` of the same bytes on the same disk, and `sync` of what it wrote. */
import { run } from '../../test/site.ts'
import { type Cost, costOf } from '../cost.ts'

export const costOfCopy = (from: string, to: string): Promise<Cost> =>
  costOf([], async () => {
    const { code, stderr } = await run('sh', ['-c', 'cp -r "$1" "$2" && sync "$2"', 'sh', from, to])
    if (code !== 0) throw new Error(`cp ended with ${code}: ${stderr}`)
  })
