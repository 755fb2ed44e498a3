import type { Handlers } from '../doors.ts'

type Names =
  | 'site.show'
  | 'site.settings'
  | 'site.folders'
  | 'site.verify'
  | 'site.backup'
  | 'journal.read'
  | 'journal.verify'

export const siteHandlers: Handlers<Names> = {
  'site.show': ({ doors, by }) => ({
    ...doors.site.facts(),
    health: doors.site.health(),
    you: by,
  }),
  'site.settings': ({ doors }) => doors.site.settings(),
  'site.folders': ({ by, paths }) => paths.named(by),
  'site.verify': ({ doors, signal, onProgress }) => doors.site.verify({ signal, onProgress }),
  'site.backup': async ({ doors, by, input, paths, signal, onProgress }) => {
    const folder = await paths.check(input.folder, by)
    return doors.site.backup(folder, { signal, onProgress })
  },
  'journal.read': async ({ doors, input: { after, newest, limit } }) => {
    const records = newest
      ? await doors.site.latest(after, limit)
      : await doors.site.records(after ?? 0, limit)
    const last = records.at(-1)
    return {
      records,
      ...(last === undefined || records.length < limit || (newest && last.seq === 1)
        ? {}
        : { next: last.seq }),
    }
  },
  'journal.verify': ({ doors, signal, onProgress }) =>
    doors.site.verifyJournal({ signal, onProgress }),
}
