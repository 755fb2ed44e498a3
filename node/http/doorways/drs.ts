/**
 * GA4GH Data Repository Service 1.5, to read: Galaxy, workflow engines and notebooks fetch files by it. A
 * file's ID is its CID, and a dataset's that of its manifest: the same ID gives the same bytes at every
 * site. Whoever asks sees what is in the datasets that they may read; all else is not there.
 */

import type { FastifyReply } from 'fastify'
import { toProblem } from '../../../api/problem.ts'
import { Fault } from '../../../protocol/fault.ts'
import { flagPath } from '../../../protocol/paths.ts'
import type { OpenFile } from '../../catalog/files.ts'
import type { Holding } from '../../catalog/holdings.ts'
import type { User } from '../../people/users.ts'
import { answerBytes, digestAtOnceBytesMax } from '../bytes.ts'
import type { Asking, Doorway } from '../doorway.ts'

const top = '/ga4gh/drs/v1'
/** The one way by which content is had. */
const accessId = 'https'
/** After how many seconds to come again for what is being found out. */
const againSeconds = 5

type Params = { readonly id: string; readonly access?: string }

const missing = (about: string) =>
  new Fault('missing', 'drs.object', {
    about: about.slice(0, 100),
    text: 'There is no object with this ID in any dataset that you may read.',
  })

/** Faults `missing` alike for what is nowhere and for what is only in datasets of others. */
async function found({ doors, request }: Asking, by: User): Promise<Holding | 'looking'> {
  const { id } = request.params as Params
  const holding = await doors.holdings.find(id, by)
  if (holding === undefined) throw missing(id)
  return holding
}

function comeAgain(reply: FastifyReply): FastifyReply {
  return reply.code(202).header('retry-after', againSeconds).send()
}

async function serviceInfo({ reply, doors, visit }: Asking): Promise<FastifyReply> {
  const { site, name, version, startedAt } = doors.site.facts()
  const drs = { maxBulkRequestLength: 1 }
  return reply.send({
    id: `org.crossload.${site}`,
    name,
    type: { group: 'org.ga4gh', artifact: 'drs', version: '1.5.0' },
    description:
      'The files of the datasets that you may read, by their CIDs. One object at a time.',
    organization: { name, url: visit.site },
    version,
    updatedAt: new Date(startedAt).toISOString(),
    // The standard has it at both places.
    ...drs,
    drs,
  })
}

async function showObject(asking: Asking): Promise<FastifyReply> {
  const { request, reply, signal, by, log } = asking
  const holding = await found(asking, by!)
  if (holding === 'looking') return comeAgain(reply)
  const file = await holding.open()
  const digest =
    file.size <= digestAtOnceBytesMax ? await file.digest({ signal }) : await file.known()
  if (digest !== undefined) {
    await file[Symbol.asyncDispose]()
    return reply.send(objectOf(holding, file, digest, request.hostname))
  }
  // Nobody waits for a terabyte to be read: it is read on its own, and then known.
  const reading = file.digest({ signal: undefined })
  reading
    .catch((thrown) => log.warn({ err: thrown, object: file.cid }, 'a file could not be hashed'))
    .finally(() => file[Symbol.asyncDispose]())
    .catch(() => {})
  return comeAgain(reply)
}

function objectOf(
  { dataset, version, what }: Holding,
  { cid, size, path }: OpenFile,
  digest: Uint8Array,
  host: string,
) {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const files = `/api/datasets/${dataset.id}/files?version=${version.version}`
  return {
    id: cid,
    // The standard knows no ports: it is always found at that of https.
    self_uri: `drs://${host}/${cid}`,
    size,
    created_time: new Date(version.at).toISOString(),
    checksums: [{ type: 'sha-256', checksum: Buffer.from(digest).toString('hex') }],
    access_methods: [{ type: 'https', access_id: accessId }],
    ...(what === 'file'
      ? {
          mime_type: 'application/octet-stream',
          ...(isPortable(name) ? { name } : {}),
        }
      : {
          mime_type: 'application/vnd.ipld.dag-cbor',
          description: `The manifest of dataset ${dataset.id} (${dataset.name}), version ${version.version}: ${version.tree.files} files, ${version.tree.bytes} bytes. Its files, each with its ID here, are listed at ${files}.`,
        }),
  }
}

/** What the standard takes for a name; it need not have one. */
const isPortable = (name: string) => /^[A-Za-z0-9._-]+$/.test(name) && flagPath(name) === undefined

async function showAccess(asking: Asking): Promise<FastifyReply> {
  const { request, reply, doors, by, visit } = asking
  const { id, access } = request.params as Params
  const holding = await found(asking, by!)
  if (holding === 'looking') return comeAgain(reply)
  if (access !== accessId) {
    throw new Fault('missing', 'drs.access', {
      about: access,
      text: `There is only one way to the content, with the access ID ${accessId}.`,
    })
  }
  const ticket = doors.tickets.make(id, by!.id)
  return reply.send({ url: `${visit.site}${top}/content/${id}?ticket=${ticket}` })
}

async function sendContent(asking: Asking): Promise<FastifyReply> {
  const { request, reply, doors, presence, clock, log } = asking
  const { id } = request.params as Params
  const { ticket } = request.query as { ticket?: unknown }
  const user = await doors.users.get(doors.tickets.check(String(ticket ?? ''), id))
  if (user?.at !== 'active') throw missing(id)
  const holding = await found(asking, user)
  if (holding === 'looking') return comeAgain(reply)
  await using file = await holding.open()
  const reader = `person ${user.id} reading drs.content`
  // Who asks shows a ticket and not who they are; it is that person's all the same.
  const signal = AbortSignal.any([asking.signal, presence.of(user.id)])
  return await answerBytes(request, reply, file, { clock, log, reader, signal })
}

/** As the standard tells a failure. */
const refuse: Doorway['refuse'] = (reply, fault, facts) => {
  const { status, detail } = toProblem(fault, facts)
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.code(status).send({ msg: detail, status_code: status })
}

export const drs: readonly Doorway[] = [
  {
    name: 'drs.service-info',
    methods: ['GET'],
    path: `${top}/service-info`,
    permission: 'anyone',
    says: 'That this is a Data Repository Service 1.5, and whose.',
    answer: serviceInfo,
    refuse,
  },
  {
    name: 'drs.object',
    methods: ['GET'],
    path: `${top}/objects/:id`,
    permission: 'dataset.read',
    says: 'A file or a manifest by its CID: size, checksum, and how it is had.',
    answer: showObject,
    refuse,
  },
  {
    name: 'drs.access',
    methods: ['GET'],
    path: `${top}/objects/:id/access/:access`,
    permission: 'dataset.read',
    says: 'An address that gives the bytes of one object to whoever has it, for 15 minutes.',
    answer: showAccess,
    refuse,
  },
  {
    name: 'drs.content',
    methods: ['GET', 'HEAD'],
    path: `${top}/content/:id`,
    permission: 'anyone',
    says: 'The bytes of one object, to whoever has its address.',
    answer: sendContent,
    refuse,
  },
]
