/**
 * A site with a list of any length, cheaply: its journal is given the records while it is stopped, each
 * another dataset of the same content, and it reads them at its next start as it reads every journal.
 */
import { join } from 'node:path'
import { systemClock } from '../../node/base/clock.ts'
import type { Dataset } from '../../node/catalog/dataset.ts'
import { openJournal } from '../../node/journal/journal.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import type { Site } from '../site.ts'

/** Records that wait for one flush. */
const together = 2000

/** Makes it `count` datasets in all; there must be one. Its API is at another port then, unless told. */
export async function multiply(site: Site, count: number): Promise<void> {
  await site.kill('SIGTERM')
  {
    await using journal = await openJournal({
      folder: join(site.home, 'journal'),
      clock: systemClock,
    })
    const puts: Dataset[] = []
    for await (const { kind, data } of journal.read()) {
      if (kind === 'dataset.put') puts.push(data as Dataset)
    }
    const one = puts.at(-1)!
    const by = one.versions[0]!.by
    for (let id = one.id + 1; id <= count; id += together) {
      const some = Array.from({ length: Math.min(together, count - id + 1) }, (_, i) => id + i)
      await Promise.all(
        some.map((n) =>
          journal.append('dataset.put', by, {
            ...one,
            id: n as DatasetId,
            name: `${one.name} ${n}`,
          }),
        ),
      )
    }
  }
  await site.start()
}
