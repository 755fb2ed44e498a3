/**
 * Oslo is linked with two sites that the test plays by hand. Nan only receives. Mal asks for what it
 * was not offered, offers what it does not have, and lies in every message. Each time Oslo says no in
 * words, nothing is imported or listed, the site stays up, and the journal holds one record a reason.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { arrivingMax } from '../../node/transfers/incoming.ts'
import {
  type Bundle,
  type BundleWorkflow,
  bundleSignedPrefix,
  decodeBundle,
  encodeBundle,
} from '../../protocol/bundle.ts'
import { connectionProtocol } from '../../protocol/connection.ts'
import { contentProtocol, type NodePlace, wantedItemsMax } from '../../protocol/content.ts'
import { helloProtocol } from '../../protocol/hello.ts'
import { linkProtocol } from '../../protocol/link.ts'
import type { Entry, Tree } from '../../protocol/manifest.ts'
import { encodeList } from '../../protocol/manifest.ts'
import { offerAnswer, offerProtocol } from '../../protocol/offer.ts'
import {
  encodeReceipt,
  type Receipt,
  receiptAnswer,
  receiptProtocol,
  receiptSignedPrefix,
} from '../../protocol/receipt.ts'
import { blockBytes, blockCid } from '../../protocol/unixfs.ts'
import { encode } from '../../protocol/wire.ts'
import { expectAlike } from '../alike.ts'
import {
  anyAnswer,
  anyTransfer,
  type Guest,
  openGuest,
  type Refusal,
  type Served,
  signedReceipt,
  wholeTrees,
} from '../guest.ts'
import {
  fileEntry,
  type Lies,
  type Made,
  type MadeTree,
  makeTree,
  nameThat,
  sha256,
} from '../made-tree.ts'
import { ana, isDone, openSite, type Site, until } from '../site.ts'
import { writeLarge } from '../trees.ts'

/** How long a lie may take to be found, in milliseconds. */
const foundMs = 30_000

let oslo: Site
let mal: Guest
let nan: Guest
let atOslo: Client
let folder: string
let dataset: number
let workflow: number
let listed: unknown

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-hostile-'))
  const tree = join(folder, 'tree')
  await mkdir(join(tree, 'empty'), { recursive: true })
  await writeFile(join(tree, 'a.txt'), 'a')
  await writeLarge(join(tree, 'large.bin'), 9 * blockBytes, 3)
  oslo = await openSite('oslo')
  atOslo = await oslo.as(ana)
  mal = await openGuest(oslo, 'mal')
  nan = await openGuest(oslo, 'nan')
  dataset = (await atOslo.call('datasets.add', { name: 'Ours', path: tree })).id
  const document = join(folder, 'gates.json')
  await writeFile(document, JSON.stringify({ dataset, on: `dataset:${dataset}/a.txt` }))
  workflow = (await atOslo.call('workflows.add', { name: 'Gates', document, dataset })).id
  listed = await seen()
}, 60_000)

afterAll(async () => {
  await mal?.[Symbol.asyncDispose]()
  await nan?.[Symbol.asyncDispose]()
  await oslo?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

afterEach(async () => {
  expect(await atOslo.call('site.health', {})).toEqual({ state: 'ok' })
  expect(await seen()).toEqual(listed)
})

/** All that Ana can see that a transfer could have made. */
const seen = async () => [
  await atOslo.call('datasets.list', {}),
  await atOslo.call('workflows.list', {}),
]

async function sendTo(guest: Guest, what: object = { dataset: { id: dataset } }) {
  const offered = guest.news.until(({ type }) => type === 'offer', {
    signal: AbortSignal.timeout(foundMs),
  })
  const to = { email: guest.email, alias: guest.net.site === mal.site ? 'mal' : 'nan' }
  const { id } = await atOslo.call('transfers.send', { to, dest: 0, ...what })
  const news = await offered
  if (news.type !== 'offer') throw new Error('It was not offered.')
  return { id, bundle: news.offer.bundle, offer: news.offer }
}

const head = async () => (await records()).at(-1)!.seq

async function records() {
  const all: { seq: number; kind: string; by: unknown; data: unknown }[] = []
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: { records: typeof all; next?: number | undefined } = await oslo.admin.call(
      'journal.read',
      {
        after,
      },
    )
    all.push(...page.records)
    after = page.next
  }
  return all
}

describe('a destination that asks for more than it was offered', () => {
  let id: string
  let bundle: Uint8Array

  beforeAll(async () => {
    ;({ id, bundle } = await sendTo(mal))
  })

  /** A want on a stream of its own, and the refusal that answers it. */
  async function wanting(
    transfer: string,
    nodes: Partial<NodePlace>[],
    blocks: number[][] = [],
  ): Promise<Refusal> {
    const pull = await mal.pull(transfer)
    try {
      return await mal.refused(contentProtocol, pull.want(nodes, blocks))
    } finally {
      pull.end()
    }
  }

  const aFile = 0
  const aFolder = 1
  const aLarge = 2

  test('is given what it was offered', async () => {
    const pull = await mal.pull(id)
    const bodies = await pull.want(
      [{ node: 'root' }, { node: 'page' }, { node: 'times' }, { node: 'times-page' }],
      [
        [0, 0, aFile, 0, 1],
        [0, 0, aLarge, 8, 1],
      ],
    )
    expect(bodies.slice(0, 4).every((body) => body.byteLength > 0)).toBe(true)
    expect(Buffer.from(bodies[4]!).toString()).toBe('a')
    expect(bodies[5]!.byteLength).toBe(blockBytes)
    pull.end()
  })

  test.each<[string, Partial<NodePlace>[], number[][]]>([
    ['the root of a second tree', [{ node: 'root', tree: 1 }], []],
    ['a page past the last', [{ node: 'page', page: 1 }], []],
    ['a page of times past the last', [{ node: 'times-page', page: 1 }], []],
    ['a list of a file that has none', [{ node: 'list', entry: aLarge }], []],
    ['a list of a folder', [{ node: 'list', entry: aFolder }], []],
    ['the root by a second name', [{ node: 'root', page: 1 }], []],
    ['a page by a second name', [{ node: 'page', entry: 7 }], []],
    ['the times by a second name', [{ node: 'times', list: 1 }], []],
    ['a block of a second tree', [], [[1, 0, 0, 0, 1]]],
    ['a block on a page past the last', [], [[0, 1, 0, 0, 1]]],
    ['a block of an entry past the last', [], [[0, 0, 3, 0, 1]]],
    ['a block of a folder', [], [[0, 0, aFolder, 0, 1]]],
    ['a block past the last', [], [[0, 0, aLarge, 9, 1]]],
    ['blocks that run past the last', [], [[0, 0, aLarge, 8, 2]]],
    ['four thousand million blocks', [], [[0, 0, aFile, 0, 2 ** 32]]],
    ['the last index there is', [], [[2 ** 32, 2 ** 32, 2 ** 32, 2 ** 32, 1]]],
  ])('%s: denied, with one answer for all', async (_, nodes, blocks) => {
    expect(await wanting(id, nodes, blocks)).toEqual({
      protocol: contentProtocol,
      kind: 'denied',
      op: 'content.want',
      text: 'This was not offered in this transfer. Ask only for places of the offered trees.',
    })
  })

  test.each<[string, Partial<NodePlace>[], number[][]]>([
    ['an index over the cap', [], [[0, 0, 2 ** 32 + 1, 0, 1]]],
    ['an index below nothing', [], [[0, 0, aFile, -1, 1]]],
    ['no block at all', [], [[0, 0, aFile, 0, 0]]],
    ['half an index', [], [[0, 0, 0.5, 0, 1]]],
    ['a sort of node that there is not', [{ node: 'cid' as 'root' }], []],
    ['more places than one want may name', Array(wantedItemsMax + 1).fill({ node: 'root' }), []],
    ['more bytes than one want may ask for', [], [[0, 0, aLarge, 0, 9]]],
  ])('%s: invalid', async (_, nodes, blocks) => {
    expect((await wanting(id, nodes, blocks)).kind).toBe('invalid')
  })

  test('a want before the stream was opened, one that is opened twice, and bytes that mean nothing: invalid', async () => {
    const early = await mal.open(contentProtocol)
    await early.send({ type: 'want', nodes: [], blocks: [] })
    expect((await mal.refused(contentProtocol, early.receive(offerAnswer))).kind).toBe('invalid')
    const twice = await mal.pull(id)
    await twice.send({ type: 'open', transfer: id })
    expect((await mal.refused(contentProtocol, twice.receive())).kind).toBe('invalid')
    const noise = await mal.pull(id)
    await noise.send(['want', 1])
    expect((await mal.refused(contentProtocol, noise.receive())).kind).toBe('invalid')
  })

  test("an unknown transfer, another site's and one that Oslo receives look alike, in words and in time", async () => {
    const { id: other } = await sendTo(nan)
    const unknown = await mal.refused(contentProtocol, mal.pull(anyTransfer()))
    const foreign = await mal.refused(contentProtocol, mal.pull(other))
    expect(unknown).toEqual(foreign)
    expect(unknown.kind).toBe('missing')
    const took: [number[], number[]] = [[], []]
    for (let i = 0; i < 100; i++) {
      for (const [which, transfer] of [anyTransfer(), other].entries()) {
        const begun = performance.now()
        await mal.refused(contentProtocol, mal.pull(transfer))
        took[which]!.push(performance.now() - begun)
      }
    }
    expectAlike(...took)
  }, 60_000)

  test('a dry run gives its manifest and not one block, and nothing once it is over', async () => {
    const offered = mal.news.until(({ type }) => type === 'offer')
    const refusal = offered.then(async (news) => {
      const dry = transferOf(news.type === 'offer' ? news.offer.bundle : new Uint8Array())
      const pull = await mal.pull(dry)
      expect(await pull.want([{ node: 'root' }])).toHaveLength(1)
      return { dry, refusal: await wanting(dry, [], [[0, 0, aFile, 0, 1]]) }
    })
    mal.answers = async () => {
      await refusal
      // Which is no answer to a dry run.
      return { type: 'accepted' }
    }
    const to = { email: mal.email, alias: 'mal' }
    const run = atOslo.call('transfers.dry-run', { to, dataset: { id: dataset } })
    await expect(run).rejects.toMatchObject({ kind: 'invalid' })
    mal.answers = undefined
    expect((await refusal).refusal.kind).toBe('denied')
    const late = await mal.refused(contentProtocol, mal.pull((await refusal).dry))
    expect(late.kind).toBe('missing')
  })

  test('after a cancel it gets nothing more, on an open stream or a new one', async () => {
    const pull = await mal.pull(id)
    await atOslo.call('transfers.cancel', { id })
    const open = await mal.refused(contentProtocol, pull.want([{ node: 'root' }]))
    const fresh = await mal.refused(contentProtocol, mal.pull(id))
    expect([open.kind, fresh.kind]).toEqual(['gone', 'gone'])
  })

  test('a receipt for what was cancelled is kept quiet and changes nothing', async () => {
    const receipt = encodeReceipt(
      mal.receiptOf({ transfer: id, bundle }, { trees: treesIn(bundle) }),
    )
    const before = await head()
    await mal.say(receiptProtocol, await signedReceipt(mal, receipt), receiptAnswer)
    expect((await atOslo.call('transfers.show', { id })).state).toBe('cancelled')
    expect(await head()).toBe(before)
  })
})

describe('receipts', () => {
  let id: string
  let bundle: Uint8Array
  let trees: Receipt['trees']
  let asSaid: Receipt['workflows'][number]

  beforeAll(async () => {
    ;({ id, bundle } = await sendTo(mal, { workflows: [workflow], withFiles: true }))
    trees = treesIn(bundle)
    asSaid = { source: workflow, id: 71, version: 1 }
  })

  const made = (more: Parameters<Guest['receiptOf']>[1] = {}) =>
    encodeReceipt(mal.receiptOf({ transfer: id, bundle }, { trees, workflows: [asSaid], ...more }))
  const forging = async (receipt: Uint8Array, signature?: Uint8Array) => {
    const message = await signedReceipt(mal, receipt)
    const forged = signature === undefined ? message : { ...message, signature }
    return mal.refused(receiptProtocol, mal.say(receiptProtocol, forged, receiptAnswer))
  }

  test.each<[string, () => Uint8Array]>([
    ['another bundle', () => made({ bundle: '0'.repeat(64) })],
    [
      'another root',
      () => made({ trees: [{ ...trees[0]!, root: otherTree.tree.root }, trees[1]!] }),
    ],
    [
      'more files',
      () => made({ trees: [{ ...trees[0]!, files: trees[0]!.files + 1 }, trees[1]!] }),
    ],
    [
      'fewer bytes',
      () => made({ trees: [{ ...trees[0]!, bytes: trees[0]!.bytes - 1 }, trees[1]!] }),
    ],
    ['no tree', () => made({ trees: [] })],
    ['a tree too many', () => made({ trees: [...trees, trees[0]!] })],
    ['no dataset, although one was sent', () => made({ dataset: null })],
    ['no workflow, although one was sent', () => made({ workflows: [] })],
    ['another workflow', () => made({ workflows: [{ ...asSaid, source: asSaid.source + 1 }] })],
    ['a workflow too many', () => made({ workflows: [asSaid, asSaid] })],
    ['another source', () => made({ source: nan.site })],
    ['another destination', () => made({ destination: nan.site })],
    [
      'a dataset before there was an import',
      () => made({ kind: 'received', workflows: [], dataset: { id: 70, version: 1 } }),
    ],
    ['a workflow before there was an import', () => made({ kind: 'received', dataset: null })],
  ])('that say %s: denied', async (_, forge) => {
    expect(await forging(forge())).toMatchObject({ kind: 'denied', op: 'receipt.keep' })
    expect((await atOslo.call('transfers.show', { id })).receipts).toEqual([])
  })

  test('that somebody else signed, or that were signed as something else: denied', async () => {
    const receipt = made()
    expect((await forging(receipt, await nan.sign(receiptSignedPrefix, receipt))).kind).toBe(
      'denied',
    )
    expect((await forging(receipt, await mal.sign(bundleSignedPrefix, receipt))).kind).toBe(
      'denied',
    )
    expect((await forging(receipt, new Uint8Array(64))).kind).toBe('denied')
  })

  test("for nobody's transfer and for another site's: missing, in the same words", async () => {
    const { id: other, bundle: of } = await sendTo(nan)
    const about = (transfer: string) =>
      encodeReceipt(mal.receiptOf({ transfer, bundle: of }, { trees: treesIn(of) }))
    const foreign = await forging(about(other))
    expect(foreign).toMatchObject({ kind: 'missing' })
    expect(await forging(about(anyTransfer()))).toEqual(foreign)
    for (const state of ['failed', 'cancelled']) {
      const end = (transfer: string) => {
        const message = { type: 'ended', transfer, state }
        return mal.refused(receiptProtocol, mal.say(receiptProtocol, message, receiptAnswer))
      }
      expect(await end(other)).toEqual(await end(anyTransfer()))
    }
    expect((await atOslo.call('transfers.show', { id: other })).state).toBe('moving')
  })

  test('that are malformed: invalid', async () => {
    expect((await forging(Uint8Array.of(0xff))).kind).toBe('invalid')
    const strange = encode({ ...mal.receiptOf({ transfer: id, bundle }), groups: ['all'] })
    expect((await forging(strange)).kind).toBe('invalid')
    expect((await forging(made(), new Uint8Array(63))).kind).toBe('invalid')
  })

  test('that are true count once, however often they are said', async () => {
    const received = made({ kind: 'received', dataset: null, workflows: [] })
    const imported = made()
    for (const receipt of [received, imported]) {
      const message = await signedReceipt(mal, receipt)
      await mal.say(receiptProtocol, message, receiptAnswer)
      const view = await atOslo.call('transfers.show', { id })
      const before = await head()
      for (let i = 0; i < 3; i++) await mal.say(receiptProtocol, message, receiptAnswer)
      expect(await atOslo.call('transfers.show', { id })).toEqual(view)
      expect(await head()).toBe(before)
    }
    const done = await atOslo.call('transfers.show', { id })
    expect(done).toMatchObject({ state: 'done', destination: { dataset: 70 } })
    expect(done.receipts.map(({ kind }) => kind)).toEqual(['received', 'imported'])
  })

  test('that say later what became of it otherwise change nothing', async () => {
    const before = await atOslo.call('transfers.show', { id })
    const other = made({ dataset: { id: 99, version: 9 }, at: 1 })
    await mal.say(receiptProtocol, await signedReceipt(mal, other), receiptAnswer)
    const end = { type: 'ended', transfer: id, state: 'failed' }
    await mal.say(receiptProtocol, end, receiptAnswer)
    expect(await atOslo.call('transfers.show', { id })).toEqual(before)
  })
})

describe('an offer', () => {
  const tree = makeTree([{ path: 'a.txt', bytes: Buffer.from('from mal') }])
  const offering = (bundle: Bundle, more: Parameters<Guest['offer']>[1] = {}) =>
    mal.refused(offerProtocol, mal.offer(bundle, more))

  test('that is signed by nobody, by somebody else, or for something else: denied', async () => {
    const bundle = mal.bundle(tree.tree)
    const bytes = encodeBundle(bundle)
    for (const signature of [
      new Uint8Array(64),
      await nan.sign(bundleSignedPrefix, bytes),
      await mal.sign(receiptSignedPrefix, bytes),
    ]) {
      expect((await offering(bundle, { signature })).kind).toBe('denied')
    }
  })

  test('that is from another site, or to another: denied', async () => {
    const from = { site: nan.site, person: nan.email }
    const to = { site: nan.site, person: ana }
    expect((await offering(mal.bundle(tree.tree, { from }))).kind).toBe('denied')
    expect((await offering(mal.bundle(tree.tree, { to }))).kind).toBe('denied')
  })

  test('to a person who is not connected, and to one who is not here: missing, in the same words', async () => {
    await oslo.as('bea@oslo.example')
    const said: string[] = []
    for (const person of ['bea@oslo.example', 'nobody@oslo.example']) {
      const to = { site: mal.bundle(undefined).to.site, person }
      const refusal = await offering(mal.bundle(tree.tree, { to }))
      expect(refusal.kind).toBe('missing')
      said.push(refusal.text.replaceAll(person, 'PERSON'))
    }
    expect(said[0]).toBe(said[1])
    const from = { site: mal.site, person: 'somebody@mal.example' }
    expect((await offering(mal.bundle(tree.tree, { from }))).kind).toBe('missing')
  })

  test("into somebody else's dataset, and into none: missing, in the same words", async () => {
    const bea = await oslo.as('bea@oslo.example')
    const hers = await bea.call('datasets.add', { name: 'Hers', path: join(folder, 'tree/a.txt') })
    const said: string[] = []
    for (const dest of [hers.id, 99_999]) {
      const refusal = await offering(mal.bundle(tree.tree), { dest })
      expect(refusal.kind).toBe('missing')
      said.push(refusal.text.replaceAll(String(dest), 'ID'))
    }
    expect(said[0]).toBe(said[1])
    expect(await bea.call('datasets.versions', { id: hers.id })).toHaveLength(1)
  })

  test.each<[string, (bundle: Bundle) => Uint8Array]>([
    ['has a place for collaborators', (bundle) => encode({ ...bundle, collaborators: [ana] })],
    ['has a path to climb by as its name', (bundle) => encode(named(bundle, 'a\u0000b'))],
    ['steers a terminal', (bundle) => encode(named(bundle, '\u001b[2J'))],
    ['is not canonical', (bundle) => lengthened(encodeBundle(bundle))],
    ['is followed by more', (bundle) => Buffer.concat([encodeBundle(bundle), Uint8Array.of(0)])],
    ['is of another version', (bundle) => encode({ ...bundle, v: 2 })],
    ['counts below nothing', (bundle) => encode(sized(bundle, -1))],
    ['is no map at all', () => encode(7)],
  ])('whose bundle %s: invalid', async (_, forge) => {
    const bytes = forge(mal.bundle(tree.tree))
    expect((await offering(mal.bundle(tree.tree), { bundle: bytes })).kind).toBe('invalid')
  })

  test('is answered the same when it is said again, and nothing more comes of it', async () => {
    const bundle = mal.bundle(tree.tree)
    const { transfer } = bundle
    mal.serves.set(transfer, { trees: [tree], instead: async () => {} })
    const offer = await mal.offerOf(bundle)
    expect(await mal.say(offerProtocol, offer, offerAnswer)).toEqual({ type: 'accepted' })
    expect((await atOslo.call('transfers.show', { id: transfer })).state).toBe('moving')
    const before = await head()
    for (let i = 0; i < 5; i++)
      expect(await mal.say(offerProtocol, offer, offerAnswer)).toEqual({ type: 'accepted' })
    expect(await head()).toBe(before)
    const all = await atOslo.call('transfers.list', {})
    expect(all.filter((one) => one.id === transfer)).toHaveLength(1)

    const other = mal.bundle(tree.tree, { transfer, createdAt: 1 })
    expect(await offering(other)).toMatchObject({ kind: 'conflict', op: 'offer.check' })
    // Nan does not come in between by knowing the number.
    const stolen = nan.bundle(tree.tree, { transfer })
    expect((await nan.refused(offerProtocol, nan.offer(stolen))).kind).toBe('conflict')
    const steal = { type: 'cancel', transfer }
    expect(await nan.say(offerProtocol, steal, offerAnswer)).toEqual({ type: 'heard' })
    expect((await atOslo.call('transfers.show', { id: transfer })).state).toBe('moving')
    expect(await mal.say(offerProtocol, steal, offerAnswer)).toEqual({ type: 'heard' })
    expect((await atOslo.call('transfers.show', { id: transfer })).state).toBe('cancelled')
    expect((await mal.refused(offerProtocol, mal.offer(bundle))).kind).toBe('gone')
  })

  test('of which there are too many: busy, and nobody else is held up', async () => {
    const slow = Array.from({ length: arrivingMax + 20 }, () => mal.bundle(tree.tree))
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    // Each would be pulled, and is not served.
    for (const { transfer } of slow) mal.serves.set(transfer, { trees: [tree], first: () => ended })
    try {
      const answers = await Promise.allSettled(slow.map((bundle) => mal.offer(bundle)))
      const refused = answers.filter(({ status }) => status === 'rejected')
      // Those that are weighed at the same moment do not see each other.
      expect(refused.length).toBeGreaterThanOrEqual(12)
      for (const one of refused)
        expect(one).toMatchObject({ reason: { kind: 'busy', side: 'there' } })

      const honest = nan.bundle(tree.tree)
      nan.serves.set(honest.transfer, { trees: [tree] })
      expect(await nan.offer(honest)).toEqual({ type: 'accepted' })
      await until(atOslo, honest.transfer, isDone, 15_000)
      listed = await seen()
    } finally {
      for (const { transfer } of slow)
        await mal.say(offerProtocol, { type: 'cancel', transfer }, offerAnswer)
      end()
    }
  }, 60_000)

  test('of a number that Oslo gave itself: conflict', async () => {
    const { id } = await sendTo(mal)
    const refusal = await offering(mal.bundle(tree.tree, { transfer: id }))
    expect(refusal.kind).toBe('conflict')
    expect((await atOslo.call('transfers.show', { id })).direction).toBe('out')
  })
})

describe('a source that lies', () => {
  const text = (s: string) => Buffer.from(s)
  const a: Made = { path: 'a', bytes: text('at a') }
  const z: Made = { path: 'z', bytes: text('at z') }
  const large: Made = { path: 'm', bytes: new Uint8Array(blockBytes * 2 + 5).fill(7) }
  /** What Oslo does not hold yet: it would not ask for the rest. */
  const fresh = (what: string, bytes = 20): Made => ({
    path: 'f',
    bytes: Buffer.alloc(bytes, what),
  })
  const entry = (one: Partial<Entry> & { path: string }): Made => ({
    entry: { kind: 'file', size: 4, blocks: sha256(text(one.path)), ...one } as Entry,
  })

  /** Offers it, lets Oslo pull it, and waits for the word that it has failed. */
  async function lying(
    served: Served,
    more?: Partial<Bundle>,
    protocol = contentProtocol,
  ): Promise<Refusal> {
    const [{ tree }] = served.trees as readonly [MadeTree]
    const bundle = mal.bundle(tree, more)
    const { transfer } = bundle
    mal.serves.set(transfer, served)
    const ending = mal.news.until(
      (news) => news.type === 'ended' && news.ended.transfer === transfer,
      { signal: AbortSignal.timeout(foundMs) },
    )
    expect(await mal.offer(bundle)).toEqual({ type: 'accepted' })
    const news = await ending
    if (news.type !== 'ended') throw new Error('It did not end.')
    const { state, fault } = news.ended
    const view = await atOslo.call('transfers.show', { id: transfer })
    expect([state, view.state]).toEqual(['failed', 'failed'])
    expect(view.fault?.kind).toBe(fault!.kind)
    expect(view.receipts.some(({ kind }) => kind === 'imported')).toBe(false)
    const refusal = {
      protocol,
      kind: fault!.kind,
      op: fault!.op,
      text: fault!.text,
    }
    mal.refusals.push(refusal)
    return refusal
  }
  const tells = (made: Made[] | Made[][], lies: Lies = {}): Served => ({
    trees: [makeTree(made, lies)],
  })
  const more = (sums: Tree) => ({ ...sums, bytes: sums.bytes + 1 })

  test('and once does not: Oslo can tell, and imports it', async () => {
    const served = tells([a, large, z])
    const bundle = mal.bundle(served.trees[0]!.tree)
    mal.serves.set(bundle.transfer, served)
    await mal.offer(bundle)
    const { destination } = await until(atOslo, bundle.transfer, isDone)
    const { files } = await atOslo.call('datasets.files', { id: destination.dataset! })
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ['a', 4],
      ['m', blockBytes * 2 + 5],
      ['z', 4],
    ])
    listed = await seen()
  })

  test.each([
    ['a small file', 0, () => fresh('once')],
    ['a large one', 1, () => fresh('once large', blockBytes * 2 + 5)],
  ])(
    'about a block of %s, but only once: it is asked for once more, and imported',
    async (_, index, made) => {
      let lies = 0
      const served: Served = {
        ...tells([made()]),
        block: (_path, at, honest) =>
          at === index && lies++ === 0 ? honest.map((b) => b ^ 1) : honest,
      }
      const bundle = mal.bundle(served.trees[0]!.tree)
      mal.serves.set(bundle.transfer, served)
      await mal.offer(bundle)
      const { destination } = await until(atOslo, bundle.transfer, isDone)
      expect(lies).toBe(2)
      const verified = await atOslo.call('datasets.verify', { id: destination.dataset! })
      expect(verified).toMatchObject({ files: 1, bad: [] })
      listed = await seen()
    },
  )

  test.each<[string, () => Served]>([
    ['in the bundle', () => tells([a], { tree: more })],
    [
      'in the bundle, about how many files',
      () => tells([a], { tree: (t) => ({ ...t, files: 2 }) }),
    ],
    ['in the root', () => tells([a], { root: (root) => ({ ...root, bytes: root.bytes + 1 }) })],
    ['in the root, about a page', () => tells([a], { link: (link) => ({ ...link, bytes: 5 }) })],
    [
      'in the root, about where a page begins',
      () => tells([a, z], { link: (link) => ({ ...link, first: 'b' }) }),
    ],
    [
      'in an entry: longer than its blocks',
      () => tells([entry({ path: 'e', size: blockBytes + 1 })]),
    ],
    [
      'in an entry: a size without end',
      () => tells([entry({ path: 'e', size: Number.MAX_SAFE_INTEGER })]),
    ],
    ['in an entry: digests for an empty file', () => tells([entry({ path: 'e', size: 0 })])],
    [
      'in a block that is shorter',
      () => ({ ...tells([fresh('shorter')]), block: (_, __, b) => b.subarray(1) }),
    ],
    [
      'in a block that is longer',
      () => ({ ...tells([fresh('longer')]), block: (_, __, b) => Buffer.concat([b, b]) }),
    ],
    ['in a list', () => listLie()],
  ])('about a size, %s: invalid', async (_, lie) => {
    expect((await lying(lie())).kind).toBe('invalid')
  })

  test.each<[string, () => Served]>([
    ['that is not canonical', () => tells([a], { page: lengthened })],
    [
      'with a name that is not UTF-8',
      () => tells([a], { page: (page) => replaced(page, 'a', 0xff) }),
    ],
    [
      'with a field that nobody knows',
      () => tells([a], { page: () => encode({ entries: [], owner: 0 }) }),
    ],
    [
      'that ends before it must',
      () => tells([[entry({ path: nameThat(false, 'b') })], [entry({ path: 'c' })]]),
    ],
    [
      'that goes on after its end',
      () => tells([entry({ path: nameThat(true, 'b') }), entry({ path: 'c' })]),
    ],
    ['out of order', () => tells([z, a])],
    ['with one name twice', () => tells([a, a, z])],
    ['with a file that is a folder too', () => tells([a, entry({ path: 'a/b' }), z])],
    [
      'with an empty folder that is not empty',
      () => tells([{ entry: { kind: 'dir', path: 'd' } }, entry({ path: 'd/e' })]),
    ],
  ])('with a page %s: invalid', async (_, lie) => {
    expect((await lying(lie())).kind).toBe('invalid')
  })

  test.each([
    ['climbs', '../../etc/passwd'],
    ['climbs from inside', 'b/../../../etc/passwd'],
    ['is absolute', '/etc/passwd'],
    ['is empty', ''],
    ['is a dot', 'b/./c'],
    ['has an empty part', 'b//c'],
    ['has a NUL', 'b\u0000.txt'],
    ['breaks a line', 'b\n.txt'],
    ['steers a terminal', 'b\u001b[2J'],
    ['has a C1 control', 'b\u0085'],
    ['is too long', 'b'.repeat(256)],
    ['is too deep', 'b/'.repeat(64).concat('c')],
  ])('with a path that %s: invalid, in a page and in the root', async (_, path) => {
    expect(await lying(tells([a, entry({ path }), z]))).toMatchObject({
      kind: 'invalid',
      op: 'manifest.entry',
    })
    expect(await lying(tells([entry({ path })]))).toMatchObject({
      kind: 'invalid',
      op: 'manifest.root',
    })
  })

  test.each<[string, () => Served]>([
    [
      'a small file',
      () => ({ ...tells([fresh('small')]), block: (_, __, bytes) => bytes.map((b) => b ^ 1) }),
    ],
    [
      'the middle of a large one',
      () => ({
        ...tells([fresh('middle', blockBytes * 2 + 5)]),
        block: (_, index, bytes) => (index === 1 ? bytes.map((b) => b ^ 1) : bytes),
      }),
    ],
    [
      'the root',
      () => ({
        ...tells([fresh('root')]),
        node: () => makeTree([z]).node({ tree: 0, node: 'root', page: 0, entry: 0, list: 0 }),
      }),
    ],
    [
      'a page',
      () => ({
        ...tells([fresh('page')]),
        node: (place, honest) =>
          place.node === 'page' ? encode({ entries: [fileEntry('b', text('b'))] }) : honest,
      }),
    ],
  ])('with other bytes for %s: corrupt', async (_, lie) => {
    expect((await lying(lie())).kind).toBe('corrupt')
  })

  test.each<[string, Served['end']]>([
    ['more blocks', (end) => ({ ...end, blocks: end.blocks + 1 })],
    ['fewer bytes', (end) => ({ ...end, bytes: end.bytes - 1 })],
    ['more nodes', (end) => ({ ...end, nodes: end.nodes + 1 })],
    ['another root', (end) => ({ ...end, roots: [makeTree([z]).tree.root] })],
    ['no root', (end) => ({ ...end, roots: [] })],
  ])('with an END that says %s: corrupt', async (what, end) => {
    // Something that Oslo does not hold yet, or nothing would be sent that END could be wrong about.
    const served = tells([{ path: 'a', bytes: text(what) }])
    expect(await lying({ ...served, end: end! })).toMatchObject({
      kind: 'corrupt',
      op: 'content.end',
    })
  })

  test.each<[string, string, Partial<BundleWorkflow>, string?]>([
    ['names a place that the document has not', '{"dataset":0}', { refs: [refTo('/nowhere')] }],
    ['left its own ID in the document', '{"dataset":7}', { refs: [refTo('/dataset')] }],
    ['names a file by a path that climbs', '{}', { inputs: [climbing] }],
    ['says that its document is another', '{}', { document: climbing.cid }],
    ['says that JSON is what is none', '{', { format: 'json' }],
    ['nests without end', '['.repeat(100_000), {}, 'unsupported'],
  ])(
    'with a workflow that %s: refused before it is seen',
    async (what, document, more, kind = 'invalid') => {
      const dataset = makeTree([fresh(what)])
      const workflow = makeTree([{ path: 'document', bytes: text(document) }])
      const honest: BundleWorkflow = {
        ...{ id: 3, version: 1, name: 'Gates', format: 'json', refs: [], inputs: [] },
        tree: workflow.tree,
        document: cidOf(document),
        about: { dataset: 7, version: 1, root: dataset.tree.root },
      }
      const workflows = [{ ...honest, ...more }]
      const refusal = await lying({ trees: [dataset, workflow] }, { workflows }, offerProtocol)
      expect(refusal.kind).toBe(kind)
    },
  )

  test.each<[string, Served['instead']]>([
    [
      'a block that was not asked for',
      (channel) => channel.send({ type: 'blocks', of: [[0, 0, 5, 0, 1]] }, text('x')),
    ],
    ['a node', (channel) => channel.send({ type: 'node' }, text('x'))],
    [
      'an END',
      (channel) => channel.send({ type: 'end', nodes: 0, blocks: 0, bytes: 0, roots: [] }),
    ],
    ['no message at all', (channel) => channel.send([1, 2, 3])],
  ])('with %s instead of a block: invalid', async (what, instead) => {
    const served = tells([{ path: 'a', bytes: text(what) }])
    expect((await lying({ ...served, instead: instead! })).kind).toBe('invalid')
  })
})

describe('any protocol', () => {
  const all = [
    linkProtocol,
    helloProtocol,
    connectionProtocol,
    offerProtocol,
    contentProtocol,
    receiptProtocol,
  ]

  test.each(all)('%s: what is no message of it is invalid', async (protocol) => {
    for (const message of [{}, [1], 'please', { type: 'please' }, { type: 7 }, nested(30)])
      expect((await mal.refused(protocol, mal.say(protocol, message, anyAnswer))).kind).toBe(
        'invalid',
      )
    const long = mal.say(protocol, { type: 'x'.repeat(2_000_000) }, anyAnswer)
    expect((await mal.refused(protocol, long)).kind).toBe('invalid')
    const channel = await mal.open(protocol)
    await channel.send({ type: 'x' }, new Uint8Array(1_100_000))
    expect((await mal.refused(protocol, channel.receive(anyAnswer))).kind).toBe('invalid')
  })

  test.each(all)(
    '%s: a fault of its own invention is nothing that Oslo found out',
    async (protocol) => {
      for (let i = 0; i < 3; i++) {
        const fault = { kind: i === 0 ? 'internal' : 'denied', op: `mal.invents-${i}`, text: 'hm' }
        await expect(mal.say(protocol, { fault }, anyAnswer)).rejects.toMatchObject({
          kind: 'unreachable',
        })
      }
      expect(oslo.log()).not.toContain('mistake')
    },
  )

  test('a person whom nobody asked for, and one who is not here, change nothing', async () => {
    const before = await atOslo.call('connections.list', {})
    const people = {
      from: mal.email,
      name: 'Mal',
      stance: { is: 'willing', changedAt: Date.now() },
    }
    const ask = { type: 'ask', ...people, to: 'nobody@oslo.example' }
    const refusal = await mal.refused(
      connectionProtocol,
      mal.say(connectionProtocol, ask, anyAnswer),
    )
    expect(refusal.kind).toBe('missing')
    const tell = { ...people, type: 'tell', from: 'other@mal.example', to: ana }
    expect(await mal.say(connectionProtocol, tell, anyAnswer)).toMatchObject({
      stance: { is: 'none' },
    })
    expect(await atOslo.call('connections.list', {})).toEqual(before)
  })
})

test('the journal holds exactly one record for each reason, and none for what was well said', async () => {
  // What may happen to the best of sites is no reason.
  const harmless = ['gone', 'busy', 'full', 'unsupported']
  const reasons = (guest: Guest) =>
    new Set(
      guest.refusals
        .filter(({ kind }) => !harmless.includes(kind))
        .map(({ protocol, kind, op }) => `${protocol} ${kind} ${op}`),
    )
  const noted = (await records()).filter(({ kind }) => kind === 'audit.refused')
  for (const guest of [mal, nan]) {
    const of = noted
      .filter(({ by }) => (by as { site?: string }).site === guest.site)
      .map(({ data }) => data as { protocol: string; kind: string; op: string; text: string })
    expect(of.map(({ protocol, kind, op }) => `${protocol} ${kind} ${op}`).toSorted()).toEqual(
      [...reasons(guest)].toSorted(),
    )
    expect(of.every((one) => one.text.length > 10)).toBe(true)
  }
})

test('once the link has ended an open stream gives nothing more, and a new one does not open', async () => {
  const { id } = await sendTo(mal)
  const pull = await mal.pull(id)
  expect(await pull.want([{ node: 'root' }])).toHaveLength(1)
  const link = (await oslo.admin.call('links.list', {})).find(({ site }) => site === mal.site)!
  await oslo.admin.call('links.pause', { id: link.id })
  await expect(pull.want([{ node: 'page' }])).rejects.toMatchObject({ kind: 'unreachable' })
  await oslo.kill()
  await oslo.start()
  await expect(mal.pull(id)).rejects.toMatchObject({ kind: 'unreachable', side: 'between' })
}, 60_000)

const otherTree = makeTree([{ path: 'other', bytes: Buffer.from('other') }])

const nested = (deep: number): unknown => (deep === 0 ? 0 : { type: nested(deep - 1) })

const cidOf = (content: string) => blockCid(sha256(Buffer.from(content)), 'raw').toString()

const refTo = (pointer: string) => ({ pointer, form: 'id-number' as const })

const climbing = { label: 'in', path: '../../etc/passwd', cid: cidOf('root') }

const transferOf = (bundle: Uint8Array) => decodeBundle(bundle).transfer
const treesIn = (bundle: Uint8Array) => wholeTrees(decodeBundle(bundle))

/** The same map of few keys, written with an end instead of a count. */
const lengthened = (map: Uint8Array) =>
  Buffer.concat([Uint8Array.of(0xbf), map.subarray(1), Uint8Array.of(0xff)])

/** The first letter `was` of a text of one letter, as another byte. */
function replaced(bytes: Uint8Array, was: string, by: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[Buffer.from(bytes).indexOf(Buffer.from([0x61, was.charCodeAt(0)])) + 1] = by
  return copy
}

const named = (bundle: Bundle, name: string) => ({
  ...bundle,
  dataset: { ...bundle.dataset!, name },
})

const sized = (bundle: Bundle, bytes: number) => ({
  ...bundle,
  dataset: { ...bundle.dataset!, tree: { ...bundle.dataset!.tree, bytes } },
})

/** A file of 1,025 blocks, whose digests stand in a list, and a list that has one too few. */
function listLie(): Served {
  const list = encodeList(new Uint8Array(1024 * 32))
  const cid = CID.parse(blockCid(sha256(list), 'dag-cbor').toString())
  const entry: Entry = { kind: 'file', path: 'huge', size: 1025 * blockBytes, lists: [cid] }
  return {
    trees: [makeTree([{ entry }])],
    node: (place, honest) => (place.node === 'list' ? list : honest),
  }
}
