import type { ContentHandlers } from '../doors.ts'

export const contentHandlers: ContentHandlers = {
  'datasets.content': ({ doors, by, input: { id, ...file } }) => doors.datasets.open(id, by, file),
  'workflows.content': ({ doors, by, input: { id, ...file } }) =>
    doors.workflows.open(id, by, file),
}
