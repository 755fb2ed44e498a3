/** The vectors of hello, link, connection and lane, and that they are what their generator writes. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { ZodType } from 'zod'
import { connectionAnswer, connectionCaps, connectionMessage } from '../../protocol/connection.ts'
import { Fault } from '../../protocol/fault.ts'
import { helloAnswer, helloCaps, helloMessage } from '../../protocol/hello.ts'
import { parseInvitation } from '../../protocol/invitation.ts'
import { createPieces, laneAnswer, laneCaps, laneMessage } from '../../protocol/lane.ts'
import { linkAnswer, linkCaps, linkMessage } from '../../protocol/link.ts'
import { decode, encode, type FrameCaps } from '../../protocol/wire.ts'
import { fileOf, protocols, siteVectors } from './generate-sites.ts'
import { type Reader, runVectors } from './run.ts'

const folder = (name: string) => new URL(`${name}/`, import.meta.url)

function message(shape: ZodType, caps: FrameCaps): Reader {
  return { read: (bytes) => decode(bytes, shape, caps.headBytesMax, 'vectors'), write: encode }
}

runVectors(folder('hello'), {
  'hello message': message(helloMessage, helloCaps),
  'hello answer': message(helloAnswer, helloCaps),
})

runVectors(folder('link'), {
  'link message': message(linkMessage, linkCaps),
  'link answer': message(linkAnswer, linkCaps),
  invitation: { read: (bytes) => parseInvitation(Buffer.from(bytes).toString()) },
})

runVectors(folder('connection'), {
  'connection message': message(connectionMessage, connectionCaps),
  'connection answer': message(connectionAnswer, connectionCaps),
})

runVectors(folder('lane'), {
  'lane message': message(laneMessage, laneCaps),
  'lane answer': message(laneAnswer, laneCaps),
  'lane pieces': { read: readPieces, cut: 'unreachable' },
})

/** As a socket would bring it, two bytes at a time. */
function readPieces(bytes: Uint8Array): Uint8Array {
  const pieces = createPieces()
  const content: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength; at += 2) {
    pieces.feed(bytes.subarray(at, at + 2))
    for (let run = pieces.take(); run !== undefined; run = pieces.take()) content.push(run)
  }
  if (!pieces.ended) throw new Fault('unreachable', 'vectors', { side: 'between' })
  return new Uint8Array(Buffer.concat(content))
}

it('the files are what the generator writes', async () => {
  const kept = protocols.flatMap((protocol) => {
    const names = readdirSync(folder(protocol)).map((file) => `${protocol}/${file}`)
    return names.map(
      (name) => [name, readFileSync(new URL(name, import.meta.url), 'utf8')] as const,
    )
  })
  const made = [...(await siteVectors())].map(([name, vector]) => [name, fileOf(vector)] as const)
  expect(new Map(kept)).toEqual(new Map(made))
})

it.each([
  ['hello', helloCaps],
  ['link', linkCaps],
  ['connection', connectionCaps],
  ['lane', laneCaps],
] as const)('the page of %s names the caps that hold', (noun, caps) => {
  const page = readFileSync(new URL(`../../protocol/${noun}.md`, import.meta.url), 'utf8')
  const said = (what: string) => new RegExp(`\\| ${what} \\| ([\\d,]+) \\|`).exec(page)?.[1]
  expect(said('head of a frame')).toBe(caps.headBytesMax.toLocaleString('en'))
  expect(said('body of a frame')).toBe(String(caps.bodyBytesMax))
})
