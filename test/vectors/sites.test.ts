import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ZodType } from 'zod'
import { connectionAnswer, connectionCaps, connectionMessage } from '../../protocol/connection.ts'
import { Fault } from '../../protocol/fault.ts'
import { helloAnswer, helloCaps, helloMessage } from '../../protocol/hello.ts'
import { parseInvitation } from '../../protocol/invitation.ts'
import { linkAnswer, linkCaps, linkMessage } from '../../protocol/link.ts'
import { decode, type FrameCaps } from '../../protocol/wire.ts'
import { fileOf, siteVectors, toDagJson, type Vector } from './generate-sites.ts'

const protocols = {
  hello: { caps: helloCaps, message: helloMessage, answer: helloAnswer },
  link: { caps: linkCaps, message: linkMessage, answer: linkAnswer },
  connection: { caps: connectionCaps, message: connectionMessage, answer: connectionAnswer },
} satisfies Record<string, { caps: FrameCaps; message: ZodType; answer: ZodType }>

const names = Object.keys(protocols) as (keyof typeof protocols)[]

function read(protocol: keyof typeof protocols): Vector[] {
  const folder = join(import.meta.dirname, protocol)
  return readdirSync(folder).map((file) => ({
    protocol,
    name: file.replace(/\.json$/, ''),
    ...JSON.parse(readFileSync(join(folder, file), 'utf8')),
  }))
}

/** Whole, and cut before every byte or character. */
async function meaning(vector: Vector, length?: number): Promise<unknown> {
  if (vector.text !== undefined) return parseInvitation(vector.text.slice(0, length))
  const { caps, message, answer } = protocols[vector.protocol]
  const bytes = new Uint8Array(Buffer.from(vector.bytes!, 'hex')).subarray(0, length)
  return decode(bytes, vector.as === 'message' ? message : answer, caps.headBytesMax, 'test.vector')
}

it('the files are what the generator writes', async () => {
  const made = (await siteVectors()).map((vector) => [`${vector.protocol}/${vector.name}`, fileOf(vector)])
  const kept = names.flatMap((protocol) => {
    const folder = join(import.meta.dirname, protocol)
    return readdirSync(folder).map((file) => {
      return [`${protocol}/${file.replace(/\.json$/, '')}`, readFileSync(join(folder, file), 'utf8')]
    })
  })
  expect(new Map(kept as [string, string][])).toEqual(new Map(made as [string, string][]))
})

describe.each(names)('%s', (protocol) => {
  const vectors = read(protocol)
  const valid = vectors.filter((vector) => vector.kind === undefined)
  const invalid = vectors.filter((vector) => vector.kind !== undefined)

  it('has as many valid vectors as invalid ones', () => {
    expect(valid.length).toBeGreaterThanOrEqual(6)
    expect(invalid).toHaveLength(valid.length)
  })

  it.each(valid)('$name: $sentence', async (vector) => {
    expect(toDagJson(await meaning(vector))).toEqual(vector.value)
    const whole = (vector.text ?? vector.bytes!).length / (vector.text === undefined ? 2 : 1)
    for (let length = 0; length < whole; length++) {
      const thrown = await meaning(vector, length).catch((fault: unknown) => fault)
      expect(thrown, `cut at ${length}`).toBeInstanceOf(Fault)
      expect((thrown as Fault).kind).toBe('invalid')
    }
  })

  it.each(invalid)('$name: $sentence', async (vector) => {
    await expect(meaning(vector)).rejects.toMatchObject({ kind: vector.kind })
    const whole = (vector.text ?? vector.bytes!).length / (vector.text === undefined ? 2 : 1)
    for (let length = 0; length < whole; length++) {
      // Cut before what is too much, it may even mean something; but nothing else ever happens.
      await meaning(vector, length).catch((fault: unknown) => {
        expect(fault).toBeInstanceOf(Fault)
        expect((fault as Fault).kind).toBe('invalid')
      })
    }
  })
})
