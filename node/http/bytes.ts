/**
 * The content of a file as an answer: whole, a range of it, or nothing because the asker has it. Every
 * block is verified before it is sent, so a damaged one cuts the answer short and is never sent; the
 * length that was said at the start, and the digest, tell the reader. Memory holds two blocks.
 */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../../protocol/fault.ts'
import { blockBytes } from '../../protocol/unixfs.ts'
import type { OpenFile } from '../catalog/files.ts'
import { answerFault } from './answers.ts'
import { disposition, hasTag, type Range, readRange, wantsDigest } from './representation.ts'
import { type SendingNeeds, sendPieces } from './sending.ts'

/** Up to this size a digest that is not known is computed before the answer, in bytes. */
export const digestAtOnceBytesMax = 64 * 1024 * 1024

/** Faults as the file does, as long as nothing has been sent. */
export async function answerBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  file: OpenFile,
  needs: SendingNeeds,
): Promise<FastifyReply> {
  const { size } = file
  const { headers } = request
  const tag = `"${file.cid}"`
  if (hasTag(headers['if-none-match'], tag))
    return reply.code(304).headers({ etag: tag, 'accept-ranges': 'bytes' }).send()
  const isAll = request.method === 'HEAD' || !isSame(headers['if-range'], tag)
  const range = isAll ? undefined : readRange(headers.range, size)
  if (range === 'none of it') {
    const text = `The file has ${size} bytes, and none of those that were asked for.`
    reply.header('content-range', `bytes */${size}`)
    answerFault(reply, new Fault('invalid', 'http.range', { text }), { status: 416 })
    return reply
  }
  const isNow = size <= digestAtOnceBytesMax || wantsDigest(headers['want-repr-digest'])
  const digest = isNow ? await file.digest(needs) : await file.known()
  const { from, to } = range ?? { from: 0, to: size }
  const isEmpty = request.method === 'HEAD' || from === to
  // The first block comes before anything is said: until then a failure has an answer of its own.
  const first = isEmpty ? undefined : await file.read(Math.floor(from / blockBytes))
  reply.hijack()
  const { raw } = reply
  raw.writeHead(range === undefined ? 200 : 206, {
    ...(reply.getHeaders() as Record<string, string>),
    etag: tag,
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    'content-disposition': disposition(file.path),
    'content-length': to - from,
    ...(range === undefined ? {} : { 'content-range': `bytes ${from}-${to - 1}/${size}` }),
    ...(digest === undefined
      ? {}
      : { 'repr-digest': `sha-256=:${Buffer.from(digest).toString('base64')}:` }),
  })
  if (first === undefined) raw.end()
  else
    await sendBlocks(reply, file, { from, to }, { ...needs, first, isKnown: digest !== undefined })
  return reply
}

/** Without `If-Range` the range is meant whatever the file is. */
const isSame = (said: string | string[] | undefined, tag: string) =>
  said === undefined || said === tag

async function sendBlocks(
  reply: FastifyReply,
  file: OpenFile,
  { from, to }: Range,
  o: SendingNeeds & { first: Uint8Array; isKnown: boolean },
): Promise<void> {
  const hash = !o.isKnown && from === 0 && to === file.size ? createHash('sha256') : undefined
  async function* blocks(): AsyncGenerator<Uint8Array> {
    const buffers = [o.first, new Uint8Array(Math.min(blockBytes, file.size))]
    const at = Math.floor(from / blockBytes)
    const last = Math.floor((to - 1) / blockBytes)
    for (let index = at; index <= last; index++) {
      const block = index === at ? o.first : await file.read(index, buffers[(index - at) % 2])
      hash?.update(block)
      const start = index * blockBytes
      yield block.subarray(Math.max(0, from - start), to - start)
    }
  }
  const isSent = await sendPieces(reply, blocks(), { ...o, about: file.path })
  if (isSent && hash !== undefined) await file.learned(new Uint8Array(hash.digest()))
}
