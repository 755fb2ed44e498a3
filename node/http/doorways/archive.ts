/** A version of a dataset as one tar, which every system unpacks; not for resuming: files are had one by one for that. */

import { datasetId, version } from '../../../api/inputs.ts'
import { fields } from '../../../api/route.ts'
import { Fault } from '../../../protocol/fault.ts'
import { check } from '../../../protocol/wire.ts'
import type { Asking, Doorway } from '../doorway.ts'
import { disposition } from '../representation.ts'
import { sendPieces } from '../sending.ts'

const input = fields({ id: datasetId, version: version.optional() })

async function answer({ request, reply, doors, by, signal, clock, log }: Asking) {
  const params = request.params as Record<string, unknown>
  const query = request.query as Record<string, unknown>
  if ('id' in query) throw new Fault('invalid', 'http.input', { text: 'id is said twice.' })
  const { id, ...options } = check({ ...query, ...params }, input, 'http.datasets.archive')
  const { name, pieces } = await doors.datasets.archive(id, by!, options)
  // Its beginning comes before anything is said: until then a failure has an answer of its own.
  const first = await pieces.next()
  reply.hijack()
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'application/x-tar',
    'content-disposition': disposition(`${name}.tar`),
  })
  async function* all() {
    if (!first.done) yield first.value
    yield* pieces
  }
  const reader = `person ${by!.id} reading datasets.archive`
  await sendPieces(reply, all(), { clock, log, reader, signal, about: `dataset ${id}` })
  return reply
}

export const archive: readonly Doorway[] = [
  {
    name: 'datasets.archive',
    methods: ['GET'],
    path: '/api/datasets/:id/archive',
    permission: 'dataset.read',
    says: 'All files of a version of a dataset as one tar.',
    answer,
  },
]
