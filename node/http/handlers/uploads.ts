import type { Input } from '../../../api/routes.ts'
import type { Gathered } from '../../trees/gather.ts'
import type { Call, Handlers } from '../doors.ts'
import { mineOf, viewDataset } from './datasets.ts'

type Names = 'datasets.add-uploaded' | 'datasets.update-uploaded'

export const uploadHandlers: Handlers<Names> = {
  'datasets.add-uploaded': async ({ doors, by, input, signal, onProgress }) => {
    const { uploads, ...named } = input
    await doors.projects.need(named.project ?? by.personal, by, 'dataset.write')
    const added = await withUploads({ doors, by }, uploads, (files) =>
      doors.datasets.gather({ ...named, files }, by, { signal, onProgress }),
    )
    return { ...viewDataset(added.dataset, await mineOf(doors, by)), flagged: added.flagged }
  },
  'datasets.update-uploaded': async ({ doors, by, input, signal, onProgress }) => {
    const { id, uploads } = input
    await doors.datasets.need(id, by, 'dataset.write')
    const added = await withUploads({ doors, by }, uploads, (files) =>
      doors.datasets.regather(id, files, by, { signal, onProgress }),
    )
    return { ...viewDataset(added.dataset, await mineOf(doors, by)), flagged: added.flagged }
  },
}

function withUploads<T>(
  { doors, by }: Pick<Call<Names>, 'doors' | 'by'>,
  named: Input<Names>['uploads'],
  run: (files: Gathered[]) => Promise<T>,
): Promise<T> {
  const ids = named.map(({ upload }) => upload)
  return doors.uploads.use(ids, by.id, (finished) =>
    run(
      finished.map(({ path: at, size }, i) => {
        const { path, modifiedAt } = named[i]!
        return { path, at, size, time: modifiedAt ?? null }
      }),
    ),
  )
}
