import type { Notices } from '../../notices/notices.ts'
import type { Handlers } from '../doors.ts'

type Names =
  | 'notices.list'
  | 'notices.read'
  | 'notices.read-all'
  | 'notices.preferences'
  | 'notices.prefer'
  | 'mail.show'
  | 'mail.test'

/** Each is about the asker's own; the room has nobody else's to give. */
export const noticesHandlers: Handlers<Names> = {
  'notices.list': async ({ doors, by, input }) => ({
    unread: await doors.notices.unread(by.id),
    notices: (await doors.notices.list(by.id, input)).map(viewNotice),
  }),
  'notices.read': async ({ doors, by, input: { id } }) => ({
    unread: await doors.notices.read(by.id, id),
  }),
  'notices.read-all': async ({ doors, by, input: { through } }) => ({
    unread: await doors.notices.readAll(by.id, through),
  }),
  'notices.preferences': ({ doors, by }) => doors.notices.preferences(by),
  'notices.prefer': ({ doors, by, input }) => doors.notices.prefer(by, input),
  'mail.show': ({ doors }) => {
    const { settings, ...rest } = doors.notices.mail.view()
    if (settings === undefined) return rest
    const { host, port, security, from } = settings
    return { ...rest, host, port, security, from }
  },
  'mail.test': ({ doors, by, signal }) => doors.notices.mail.test(by, { signal }),
}

function viewNotice(notice: Awaited<ReturnType<Notices['list']>>[number]) {
  const { id, kind, at, read, title, text, path } = notice
  return { id, kind, at, read, title, path, ...(text === undefined ? {} : { text }) }
}
