/**
 * Somebody whom Oslo does not know, with a valid key, speaks every protocol there is, well and badly.
 * Oslo answers at `/crossload/link`; of everything else not a byte comes back, and nothing tells what
 * Oslo knows.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipe } from 'it-pipe'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { bundleSignedPrefix, encodeBundle } from '../../protocol/bundle.ts'
import { connectionProtocol } from '../../protocol/connection.ts'
import { contentProtocol } from '../../protocol/content.ts'
import { helloProtocol } from '../../protocol/hello.ts'
import { laneKeyBytes, laneProtocol, laneTicketBytes } from '../../protocol/lane.ts'
import { linkCaps, linkProtocol } from '../../protocol/link.ts'
import { offerProtocol } from '../../protocol/offer.ts'
import { encodeReceipt, receiptProtocol } from '../../protocol/receipt.ts'
import { decode, encode, frameBytes, readFrames } from '../../protocol/wire.ts'
import { expectAlike } from '../alike.ts'
import { anyAnswer, anyTransfer, type Guest, openGuest, signedReceipt } from '../guest.ts'
import { makeTree } from '../made-tree.ts'
import { ana, openSite, type Site, top } from '../site.ts'
import { openStranger, type Stranger } from '../stranger.ts'

let oslo: Site
/** A guest that Oslo knows, and to whom it is sending: whatever a stranger may want to hear of. */
let nan: Guest
/** Never linked. Its well-formed messages are signed with its own key. */
let known: string
let stranger: Stranger
let folder: string
let address: string
let messages: Record<string, Record<string, unknown>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-strangers-'))
  await writeFile(join(folder, 'a.txt'), 'a')
  oslo = await openSite('oslo')
  nan = await openGuest(oslo, 'nan')
  const atOslo = await oslo.as(ana)
  const dataset = { id: (await atOslo.call('datasets.add', { name: 'Ours', path: folder })).id }
  const to = { email: nan.email, alias: 'nan' }
  known = (await atOslo.call('transfers.send', { to, dataset, dest: 0 })).id
  ;[address] = (await oslo.admin.call('site.show', {})).addresses as [string]
  stranger = await openStranger(address)
  messages = await wellFormed()
}, 60_000)

afterAll(async () => {
  await stranger?.[Symbol.asyncDispose]()
  await nan?.[Symbol.asyncDispose]()
  await oslo?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** By protocol: every message with which a conversation may begin, as good as a stranger can make it. */
async function wellFormed() {
  const { tree } = makeTree([{ path: 'a', bytes: Buffer.from('a') }])
  const me = { name: 'Nobody', addresses: ['/ip4/127.0.0.1/tcp/4001'] }
  const willing = { is: 'willing', changedAt: 1 }
  const people = { from: nan.email, to: ana, name: 'Nobody', stance: willing }
  const bundle = nan.bundle(tree)
  const bytes = encodeBundle(bundle)
  const signature = await nan.sign(bundleSignedPrefix, bytes)
  const receipt = encodeReceipt(nan.receiptOf({ transfer: known, bundle: bytes }))
  return {
    [linkProtocol]: {
      ask: { type: 'ask', ...me, stance: willing },
      'ask with a secret': { type: 'ask', ...me, stance: willing, secret: new Uint8Array(16) },
      tell: { type: 'tell', ...me, stance: willing },
    },
    [helloProtocol]: { hello: { ...me, speaks: [] } },
    [connectionProtocol]: {
      ask: { type: 'ask', ...people },
      tell: { type: 'tell', ...people },
    },
    [offerProtocol]: {
      offer: { type: 'offer', bundle: bytes, signature, dest: 0, dry: false, allow: false },
      'dry offer': { type: 'offer', bundle: bytes, signature, dest: 0, dry: true, allow: false },
      resume: { type: 'resume', transfer: known },
      cancel: { type: 'cancel', transfer: known },
    },
    [contentProtocol]: {
      open: { type: 'open', transfer: known },
      'open of nothing': { type: 'open', transfer: anyTransfer() },
      want: { type: 'want', nodes: [], blocks: [] },
      finish: { type: 'finish' },
    },
    [laneProtocol]: {
      ask: { protocol: contentProtocol },
      'ask with a way back': {
        protocol: contentProtocol,
        back: {
          addresses: ['127.0.0.1:4602'],
          ticket: new Uint8Array(laneTicketBytes),
          key: new Uint8Array(laneKeyBytes),
          ttlMs: 1000,
        },
      },
    },
    [receiptProtocol]: {
      receipt: await signedReceipt(nan, receipt),
      ended: { type: 'ended', transfer: known, state: 'failed' },
    },
  }
}

async function* once(bytes: Uint8Array) {
  yield bytes
}

const frame = (message: unknown) => Buffer.concat(frameBytes(encode(message)))
const lengths = (head: number, body: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(head, 0)
  bytes.writeUInt32BE(body, 4)
  return bytes
}

/** Everything that is no message, for any protocol. */
const malformed: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  'an empty frame': lengths(0, 0),
  'a message of no kind': frame({}),
  'a message of an unknown kind': frame({ type: 'please' }),
  'a message that is a list': frame([1, 2, 3]),
  'a fault of its own': frame({ fault: { kind: 'internal', op: 'x', text: 'x' } }),
  'half a frame': frame({ type: 'ask', name: 'x' }).subarray(0, 12),
  'a length without end': Buffer.concat([lengths(0xffffffff, 0xffffffff), Buffer.alloc(1000)]),
  'a body where none may be': Buffer.concat([
    lengths(1, 1 << 30),
    Uint8Array.of(0xa0),
    Buffer.alloc(1000),
  ]),
  'CBOR without an end': Buffer.concat([lengths(2, 0), Uint8Array.of(0xbf, 0xff)]),
  'ten thousand nested lists': Buffer.concat([lengths(2000, 0), Buffer.alloc(2000, 0x81)]),
  'another protocol': Buffer.from('GET / HTTP/1.1\r\nHost: oslo\r\n\r\n'),
}

/** The names of all protocols, as their modules export them. */
async function ofModules(): Promise<string[]> {
  const files = (await readdir(join(top, 'protocol'))).filter((name) => /^[a-z-]+\.ts$/.test(name))
  const found = new Set<string>()
  for (const file of files) {
    const loaded: Record<string, unknown> = await import(join(top, 'protocol', file))
    for (const [name, value] of Object.entries(loaded))
      if (name.endsWith('Protocol') && typeof value === 'string') found.add(value)
  }
  return [...found].toSorted()
}

const head = async () => (await oslo.admin.call('journal.read', {})).records.at(-1)!.seq
const closedDoors = () => Object.keys(messages).filter((protocol) => protocol !== linkProtocol)

describe('what is spoken', () => {
  test('is what the modules of protocol/ name, and every one of it is tried here', async () => {
    const all = await ofModules()
    expect(all.length).toBeGreaterThanOrEqual(6)
    expect((await stranger.protocols()).toSorted()).toEqual(all)
    expect(Object.keys(messages).toSorted()).toEqual(all)
  })

  test.each([
    '/ipfs/id/1.0.0',
    '/ipfs/id/push/1.0.0',
    '/ipfs/ping/1.0.0',
    '/libp2p/circuit/relay/0.2.0/hop',
    '/libp2p/circuit/relay/0.2.0/stop',
    '/libp2p/autonat/1.0.0',
    '/libp2p/dcutr',
    '/libp2p/fetch/0.0.1',
    '/perf/1.0.0',
    '/ipfs/kad/1.0.0',
    '/ipfs/bitswap/1.2.0',
    '/meshsub/1.1.0',
    '/crossload/content/2.0.0',
    '/crossload/content',
    '/crossload/',
    'ls',
  ])('is not %s', async (protocol) => {
    const { heard, end } = await stranger.knock(protocol)
    expect([heard.byteLength, end]).toEqual([0, 'UnsupportedProtocolError'])
  })
})

describe('every protocol but one', () => {
  test('gives not a byte for a message that is well-formed, and the journal does not hear of it', async () => {
    const before = await head()
    for (const protocol of closedDoors()) {
      for (const [what, message] of Object.entries(messages[protocol]!)) {
        const { heard, end } = await stranger.knock(protocol, frame(message))
        expect([protocol, what, heard.byteLength]).toEqual([protocol, what, 0])
        expect(shut).toContain(end)
      }
    }
    expect(await head()).toBe(before)
  })

  test('gives not a byte for one that is not', async () => {
    const before = await head()
    for (const protocol of closedDoors()) {
      for (const [what, bytes] of Object.entries(malformed)) {
        const { heard, end } = await stranger.knock(protocol, bytes)
        expect([protocol, what, heard.byteLength]).toEqual([protocol, what, 0])
        expect(shut).toContain(end)
      }
    }
    expect(await head()).toBe(before)
  })

  test('takes as long to say nothing of a transfer that it knows as of one that it does not', async () => {
    const took: [number[], number[]] = [[], []]
    for (let i = 0; i < 150; i++) {
      for (const [which, transfer] of [known, anyTransfer()].entries()) {
        const { ms } = await stranger.knock(contentProtocol, frame({ type: 'open', transfer }))
        took[which]!.push(ms)
      }
    }
    expectAlike(...took)
  }, 60_000)

  test('leaves what was going on as it was', async () => {
    const view = await (await oslo.as(ana)).call('transfers.show', { id: known })
    expect([view.state, view.bytes.sent, view.receipts]).toEqual(['moving', 0, []])
    expect(await oslo.admin.call('site.health', {})).toEqual({ state: 'ok' })
  })
})

describe('the door', () => {
  /** One message, or nothing. */
  async function answerTo(bytes: Uint8Array): Promise<unknown> {
    const { heard } = await stranger.knock(linkProtocol, bytes)
    if (heard.byteLength === 0) return undefined
    for await (const { head } of pipe(once(heard), readFrames(linkCaps)))
      return decode(head, z.unknown(), linkCaps.headBytesMax, 'test.answer')
  }

  test('says no more than that nothing was decided: no name, no address, nobody', async () => {
    const { ask, tell } = messages[linkProtocol]!
    for (const message of [tell, ask, ask])
      expect(await answerTo(frame(message))).toEqual({ stance: { is: 'none', changedAt: 0 } })
    const links = await oslo.admin.call('links.list', {})
    expect(links.filter(({ state }) => state === 'asked')).toHaveLength(1)
  })

  test('says that an invitation is not one of ours', async () => {
    const answer = await answerTo(frame(messages[linkProtocol]!['ask with a secret']))
    expect(answer).toMatchObject({ fault: { kind: 'missing' } })
    silentAbout(answer)
  })

  test('says what is malformed, and nothing else', async () => {
    for (const [what, bytes] of Object.entries(malformed)) {
      const answer = await answerTo(bytes)
      // Its own words are answered with none.
      expect([what, answer === undefined]).toEqual([what, what === 'a fault of its own'])
      if (answer === undefined) continue
      const { kind } = (answer as { fault: { kind: string } }).fault
      // Where it may still have gone on, it was cut off.
      expect([what, ['invalid', 'unreachable']]).toEqual([what, expect.arrayContaining([kind])])
      silentAbout(answer)
    }
  })

  test('is shut to a key of another sort', async () => {
    await using other = await openStranger(address, 'secp256k1')
    const { heard, end } = await other.knock(linkProtocol, frame(messages[linkProtocol]!.tell))
    expect(heard.byteLength).toBe(0)
    expect(end).not.toBe('closed')
  })

  function silentAbout(answer: unknown): void {
    const text = JSON.stringify(answer)
    for (const word of ['Oslo', ana, nan.site, known, address, folder, 'node/'])
      expect(text).not.toContain(word)
  }
})

test('whoever was linked and is removed is a stranger again', async () => {
  const link = (await oslo.admin.call('links.list', {})).find(({ site }) => site === nan.site)!
  await oslo.admin.call('links.remove', { id: link.id })
  for (const protocol of closedDoors()) {
    const [message] = Object.values(messages[protocol]!)
    await expect(nan.say(protocol, message, anyAnswer)).rejects.toMatchObject({
      kind: 'unreachable',
      side: 'between',
    })
  }
  const tell = { type: 'tell', name: 'nan', addresses: [], stance: { is: 'none', changedAt: 1 } }
  expect(await nan.say(linkProtocol, tell, anyAnswer)).toMatchObject({ stance: { is: 'removed' } })
})

/** Ended by the other side, whether before or after the protocol was agreed on. */
const shut = ['reset', 'StreamResetError', 'UnexpectedEOFError', 'StreamStateError']
