/** What a hook may be told of. Their names only ever grow in number. */
export const hookEvents = [
  'transfer.started',
  'transfer.imported',
  'transfer.done',
  'transfer.failed',
  'transfer.cancelled',
  'dataset.added',
  'dataset.version',
  'link.changed',
  'connection.changed',
  'damage.found',
] as const
