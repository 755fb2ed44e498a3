/**
 * Resumable uploads as tus 1.0 says them: creation, creation with bytes, termination, expiration,
 * checksum. The library speaks the protocol; what an upload is, and when bytes count as here, is the
 * room `uploads`. The library's own store of files acknowledges what is not flushed and has no owners, so
 * it has one of ours, made for each question with the person who asks.
 */
import { Readable } from 'node:stream'
import { DataStore, MemoryLocker, Server, Upload } from '@tus/server'
import { uploadsPath } from '../../../api/uploads.ts'
import { Fault } from '../../../protocol/fault.ts'
import type { UserId } from '../../../protocol/ids.ts'
import { type Checksum, WrongDigest } from '../../uploads/receive.ts'
import { uploadBytesMax, uploadLastsMs } from '../../uploads/upload.ts'
import type { NewUpload, Uploads } from '../../uploads/uploads.ts'
import { answerFault } from '../answers.ts'
import type { Asking, Doorway } from '../doorway.ts'
import { saidDigest } from '../representation.ts'

const version = { 'tus-resumable': '1.0.0' }
/** How long a writer whose line hangs keeps an upload from one who comes again, in milliseconds. */
const drainMs = 1000
/** Whoever comes to write asks whoever writes to end. IDs are random, so sites do not meet in it. */
const locker = new MemoryLocker()

/** What this question says of its bytes. */
type Said = { readonly checksum?: Checksum | undefined; readonly sha256?: string | undefined }

/** What the library itself refuses, in its own words and with its own status. */
class Misread extends Fault {
  readonly status: number

  constructor(status: number, said: string) {
    const text = `This is not said as tus 1.0 says it: ${said.trim() || status}. Correct the question, then ask again.`
    super(status === 409 ? 'conflict' : 'invalid', 'uploads.tus', { text })
    this.status = status
  }
}

class Store extends DataStore {
  readonly #uploads: Uploads
  readonly #user: UserId
  readonly #said: Said

  constructor(uploads: Uploads, user: UserId, said: Said) {
    super()
    this.#uploads = uploads
    this.#user = user
    this.#said = said
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration', 'checksum']
  }

  override async create(asked: Upload): Promise<Upload> {
    const { id, size, metadata = {} } = asked
    const { sha256 } = this.#said
    const input: NewUpload = {
      ...{ id, size: size ?? 0, metadata },
      ...(sha256 === undefined ? {} : { sha256 }),
    }
    await this.#uploads.create(input, this.#user)
    return asked
  }

  override async write(source: Readable, id: string, offset: number): Promise<number> {
    const { checksum } = this.#said
    return (await this.#uploads.write(id, this.#user, { offset, source, checksum })).offset
  }

  override remove(id: string): Promise<void> {
    return this.#uploads.remove(id, this.#user)
  }

  override async getUpload(id: string): Promise<Upload> {
    const { size, offset, metadata, madeAt } = this.#uploads.need(id, this.#user)
    const creation_date = new Date(madeAt).toISOString()
    return new Upload({ id, size, offset, metadata, creation_date })
  }

  override getExpiration(): number {
    return uploadLastsMs
  }
}

async function answer({ request, reply, doors, by }: Asking): Promise<unknown> {
  const { uploads } = doors
  const { raw } = request
  if (raw.headers['content-encoding'] !== undefined) {
    const text = 'The bytes of an upload are sent as they are. Send them without Content-Encoding.'
    throw new Fault('invalid', 'uploads.encoding', { text })
  }
  let failed: unknown
  const server = new Server({
    path: uploadsPath,
    relativeLocation: true,
    maxSize: uploadBytesMax,
    locker,
    lockDrainTimeout: drainMs,
    datastore: new Store(uploads, by!.id, saidBy(raw.headers)),
    namingFunction: () => uploads.newId(),
    onResponseError(_request, error) {
      // Its own refusals have a status; all else is a fault of the room, or a mistake of ours.
      if (!('status_code' in error)) failed = error
      return undefined
    },
  })
  const hasBody = request.method === 'PATCH' || request.method === 'POST'
  const answered = await server.handleWeb(
    new Request(`http://${request.host}${request.url}`, {
      method: request.method,
      headers: raw.headers as Record<string, string>,
      ...(hasBody ? { body: Readable.toWeb(raw) as ReadableStream, duplex: 'half' } : {}),
    }),
  )
  if (failed !== undefined) throw failed
  for (const [name, value] of answered.headers) {
    // Only pages of this site may ask, so there is nothing to say to others.
    if (!name.startsWith('access-control-')) reply.header(name, value)
  }
  if (request.method === 'OPTIONS') reply.header('tus-checksum-algorithm', 'sha1,sha256')
  const text = await answered.text()
  if (answered.status >= 400) throw new Misread(answered.status, text)
  return reply.code(answered.status).send(text === '' ? undefined : text)
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** `Upload-Checksum` is of this question's bytes, as `Content-Digest` is; `Repr-Digest` of all of the file. */
function saidBy(headers: Headers): Said {
  const whole = saidDigest(headers['repr-digest'])
  const sha256 = whole === undefined ? undefined : Buffer.from(whole).toString('base64')
  const said = headers['upload-checksum']
  if (said === undefined) {
    const digest = saidDigest(headers['content-digest'])
    return digest === undefined ? { sha256 } : { sha256, checksum: { algorithm: 'sha256', digest } }
  }
  const found = /^(sha1|sha256) ([A-Za-z0-9+/]+={0,2})$/.exec(String(said))
  if (found === null) {
    const text = 'Upload-Checksum is sha1 or sha256, a space, and the digest in base64.'
    throw new Fault('invalid', 'uploads.checksum', { text })
  }
  const algorithm = found[1] as Checksum['algorithm']
  return { sha256, checksum: { algorithm, digest: Buffer.from(found[2]!, 'base64') } }
}

const refuse: Doorway['refuse'] = (reply, fault, facts) => {
  reply.headers(version)
  if (fault instanceof Misread) return answerFault(reply, fault, { status: fault.status })
  return answerFault(reply, fault, fault instanceof WrongDigest ? { status: 460 } : facts)
}

export const uploads: readonly Doorway[] = [
  {
    name: 'uploads.create',
    methods: ['POST', 'OPTIONS'],
    path: uploadsPath,
    permission: 'session.use',
    says: 'Begins an upload of mine (tus 1.0), which a dataset can be made of.',
    raw: true,
    answer,
    refuse,
  },
  {
    name: 'uploads.write',
    methods: ['PATCH', 'HEAD', 'DELETE', 'OPTIONS'],
    path: `${uploadsPath}/:id`,
    permission: 'session.use',
    says: 'Goes on with an upload of mine, says how far it is, or ends it (tus 1.0).',
    raw: true,
    answer,
    refuse,
  },
]
