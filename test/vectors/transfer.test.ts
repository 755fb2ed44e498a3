/** The vectors of bundle, offer, content and receipt, and what their pages say of limits. */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { ZodType } from 'zod'
import * as bundles from '../../protocol/bundle.ts'
import { type Carrier, createChannel } from '../../protocol/channel.ts'
import * as content from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import * as offers from '../../protocol/offer.ts'
import * as receipts from '../../protocol/receipt.ts'
import { decode, encode, type FrameCaps, frameBytes, nestingMax } from '../../protocol/wire.ts'
import { refsMax } from '../../protocol/workflow.ts'
import { bytesOf, fromJson, type Reader, readVectors, runVectors, type Vector } from './run.ts'

const folder = (name: string) => new URL(`${name}/`, import.meta.url)

function message(shape: ZodType, caps: FrameCaps): Reader {
  return { read: (bytes) => decode(bytes, shape, caps.headBytesMax, 'vectors'), write: encode }
}

type OneFrame = { message: unknown; body: Uint8Array }

/** One frame, as a channel gives it to whoever waits for it. A stream that ends early is a cut line. */
function frame(shape: ZodType, caps: FrameCaps): Reader {
  return {
    read: (bytes) => createChannel(carrierOf(bytes), caps).receive(shape),
    write: (value) => framed([value as OneFrame]),
    cut: 'unreachable',
  }
}

/** All frames of one direction up to the message that says so. */
function stream(shape: ZodType, caps: FrameCaps, last: string): Reader {
  return {
    async read(bytes) {
      const channel = createChannel(carrierOf(bytes), caps)
      const frames: OneFrame[] = []
      do frames.push(await channel.receive(shape))
      while ((frames.at(-1)!.message as { type: string }).type !== last)
      return frames
    },
    write: (value) => framed(value as OneFrame[]),
    cut: 'unreachable',
  }
}

function framed(frames: OneFrame[]): Uint8Array {
  return Buffer.concat(frames.flatMap(({ message, body }) => frameBytes(encode(message), body)))
}

function carrierOf(bytes: Uint8Array): Carrier {
  async function* source() {
    if (bytes.byteLength > 0) yield bytes
  }
  return {
    remote: '12D3KooW' as SiteId,
    via: 'stream',
    source: source(),
    write: async () => {},
    closeWrite: async () => {},
    abort: () => {},
  }
}

/** What is signed must be valid first; then the signature must be of the site named beside it. */
function signed(prefix: string, read: (bytes: Uint8Array) => unknown): Reader {
  return {
    read(bytes, vector) {
      const value = read(bytes)
      expect(vector['prefix']).toBe(prefix)
      const { site, signature } = vector as unknown as { site: string; signature: string }
      const good = verify(
        null,
        bundles.signedBytes(prefix, bytes),
        keyOf(site),
        Buffer.from(signature, 'hex'),
      )
      if (!good) throw new Fault('denied', 'vectors')
      return value
    },
    write: encode,
  }
}

/** A site's ID holds its key: base58 of 00 24 08 01 12 20 and the 32 bytes of the public key. */
function keyOf(site: string) {
  const bytes = base58btc.baseDecode(site)
  expect(Buffer.from(bytes.subarray(0, 6)).toString('hex')).toBe('002408011220')
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes.subarray(6)])
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}

runVectors(folder('bundle'), {
  bundle: { read: bundles.decodeBundle, write: encode },
  'signed bundle': signed(bundles.bundleSignedPrefix, bundles.decodeBundle),
})

runVectors(folder('offer'), {
  'offer message': message(offers.offerMessage, offers.offerCaps),
  'offer answer': message(offers.offerAnswer, offers.offerCaps),
  'offer frame': frame(offers.offerMessage, offers.offerCaps),
  'answer frame': frame(offers.offerAnswer, offers.offerCaps),
})

runVectors(folder('content'), {
  'pull message': message(content.pullMessage, content.contentCaps),
  'serve message': message(content.serveMessage, content.contentCaps),
  'serve frame': frame(content.serveMessage, content.contentCaps),
  'pull stream': stream(content.pullMessage, content.contentCaps, 'finish'),
  'serve stream': stream(content.serveMessage, content.contentCaps, 'end'),
})

runVectors(folder('receipt'), {
  receipt: { read: receipts.decodeReceipt, write: encode },
  'signed receipt': signed(receipts.receiptSignedPrefix, receipts.decodeReceipt),
  'receipt message': message(receipts.receiptMessage, receipts.receiptCaps),
  'receipt answer': message(receipts.receiptAnswer, receipts.receiptCaps),
  'receipt frame': frame(receipts.receiptMessage, receipts.receiptCaps),
})

describe('vectors that speak of each other', () => {
  const vector = (name: string, file: string): Vector =>
    readVectors(folder(name)).find(([is]) => is === `${file}.json`)![1]
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  const bundle = bundles.decodeBundle(bytesOf(vector('bundle', 'dataset').bytes))
  const frames = fromJson(vector('content', 'stream-source').value) as OneFrame[]

  it('a receipt names the hash and the trees of the bundle', () => {
    const receipt = receipts.decodeReceipt(bytesOf(vector('receipt', 'signed').bytes))
    expect(receipt.bundle).toBe(sha256(bytesOf(vector('bundle', 'signed').bytes)))
    expect(receipt.trees).toEqual(
      bundles.treesOf(bundle).map(({ root, files, bytes }) => ({ root, files, bytes })),
    )
  })

  it('the nodes of a stream have the digests that the bundle and each other name', () => {
    const bodies = frames.filter((f) => (f.message as { type: string }).type === 'node')
    const digestOf = (cid: string) => Buffer.from(CID.parse(cid).multihash.digest).toString('hex')
    expect(sha256(bodies[0]!.body)).toBe(digestOf(bundle.dataset!.tree.root))
    expect(sha256(bodies[1]!.body)).toBe(digestOf(bundle.dataset!.tree.times!))
    expect(Buffer.from(bodies[0]!.body).toString('hex')).toContain(sha256(bodies[3]!.body))
    expect(Buffer.from(bodies[1]!.body).toString('hex')).toContain(sha256(bodies[2]!.body))
  })
})

describe('the pages name every limit as the code has it', () => {
  const limits: Record<string, readonly number[]> = {
    bundle: [bundles.bundleBytesMax, bundles.workflowsMax, refsMax],
    offer: [offers.offerCaps.headBytesMax, bundles.bundleBytesMax],
    content: [
      content.wantedBytesMax,
      content.wantedItemsMax,
      content.nodeBytesMax,
      content.frameBodyBytesMax,
      content.contentCaps.headBytesMax,
    ],
    receipt: [receipts.receiptBytesMax, receipts.receiptCaps.headBytesMax],
    README: [
      offers.offerCaps.headBytesMax,
      content.contentCaps.headBytesMax,
      content.contentCaps.bodyBytesMax,
      receipts.receiptCaps.headBytesMax,
      nestingMax,
    ],
  }
  it.each(Object.entries(limits))('%s.md', (page, numbers) => {
    const text = readFileSync(new URL(`../../protocol/${page}.md`, import.meta.url), 'utf8')
    for (const number of numbers) {
      expect(text).toMatch(new RegExp(`(?<![\\d,])${number.toLocaleString('en')}(?![\\d,])`))
    }
  })
})
