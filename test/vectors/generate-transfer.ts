/**
 * Writes the vectors of bundle, offer, content and receipt: `node test/vectors/generate-transfer.ts`.
 * Everything is fixed, so a second run changes nothing. A vector that changes is a format that has
 * moved: that takes a new version of its protocol. What is malformed is made by hand here, because
 * no encoder of ours would write it.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import * as dagCbor from '@ipld/dag-cbor'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Entry, Tree } from '../../protocol/manifest.ts'
import { encodeRoot, encodeTimesPage, encodeTimesRoot } from '../../protocol/manifest.ts'
import { createPager } from '../../protocol/pages.ts'
import { blockCid, fileCid, rootOf } from '../../protocol/unixfs.ts'
import { toJson, type Vector, type VectorBytes } from './run.ts'

type Folder = 'bundle' | 'offer' | 'content' | 'receipt'
type Some = Record<string, unknown>

const encode = (value: unknown): Uint8Array => dagCbor.encode(value)
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

for (const folder of ['bundle', 'offer', 'content', 'receipt'] satisfies Folder[]) {
  rmSync(new URL(`${folder}/`, import.meta.url), { recursive: true, force: true })
  mkdirSync(new URL(`${folder}/`, import.meta.url))
}

function put(folder: Folder, name: string, vector: Vector): void {
  const url = new URL(`${folder}/${name}.json`, import.meta.url)
  writeFileSync(url, `${JSON.stringify(vector, null, 2)}\n`, { flag: 'wx' })
}

/** Hexadecimal; where up to eight bytes repeat for 64 or more, they are written once. */
function bytesText(bytes: Uint8Array): VectorBytes {
  const pieces: (string | { repeat: string; times: number })[] = []
  let from = 0
  for (let at = 0; at < bytes.byteLength; ) {
    const run = runAt(bytes, at)
    if (run === undefined) {
      at++
      continue
    }
    if (at > from) pieces.push(hex(bytes.subarray(from, at)))
    pieces.push({ repeat: hex(bytes.subarray(at, at + run.unit)), times: run.times })
    at += run.unit * run.times
    from = at
  }
  if (pieces.length === 0) return hex(bytes)
  if (from < bytes.byteLength) pieces.push(hex(bytes.subarray(from)))
  return pieces
}

function runAt(bytes: Uint8Array, at: number): { unit: number; times: number } | undefined {
  for (let unit = 1; unit <= 8; unit++) {
    let end = at + unit
    while (end < bytes.byteLength && bytes[end] === bytes[end - unit]) end++
    const times = Math.floor((end - at) / unit)
    if (times > 1 && times * unit >= 64) return { unit, times }
  }
  return undefined
}

/** One value and what it looks like as bytes. */
function valid(
  folder: Folder,
  of: string,
  name: string,
  sentence: string,
  value: unknown,
  more: Some = {},
): void {
  put(folder, name, {
    sentence,
    of,
    bytes: bytesText(encode(value)),
    value: toJson(value),
    ...more,
  })
}

function refused(
  folder: Folder,
  of: string,
  name: string,
  sentence: string,
  bytes: Uint8Array,
  more: Some = {},
): void {
  put(folder, `refused-${name}`, {
    sentence,
    of,
    bytes: bytesText(bytes),
    fault: 'invalid',
    ...more,
  })
}

// --- CBOR by hand -------------------------------------------------------------------------------

/** The head of an item: its major type and a small number, both in one byte or one more. */
function head(major: number, count: number): Uint8Array {
  return count < 24 ? Uint8Array.of((major << 5) | count) : Uint8Array.of((major << 5) | 24, count)
}

type Pairs = [key: string, value: Uint8Array][]

/** The pairs of a map in their canonical order, values encoded. */
function pairsOf(value: Some): Pairs {
  const pairs: Pairs = Object.entries(value).map(([key, one]) => [key, encode(one)])
  return pairs.sort(([a], [b]) => a.length - b.length || Buffer.compare(utf8(a), utf8(b)))
}

function mapOf(pairs: Pairs): Uint8Array {
  return joined(head(5, pairs.length), ...pairs.flatMap(([key, value]) => [encode(key), value]))
}

/** The same map with the bytes of one value replaced. */
function withBytes(value: Some, key: string, bytes: Uint8Array): Uint8Array {
  return mapOf(pairsOf(value).map(([name, was]) => [name, name === key ? bytes : was]))
}

/** The ways in which any message can be written wrongly, tried on one. */
function malformed(folder: Folder, of: string, value: Some, whole: string): void {
  const pairs = pairsOf(value)
  const bytes = encode(value)
  refused(
    folder,
    of,
    'key-order',
    `The keys of ${whole} are in another order than the canonical one.`,
    mapOf([pairs[1]!, pairs[0]!, ...pairs.slice(2)]),
  )
  refused(folder, of, 'key-twice', `${whole} has a key twice.`, mapOf([pairs[0]!, ...pairs]))
  refused(
    folder,
    of,
    'trailing-bytes',
    `One more byte follows ${whole}.`,
    joined(bytes, Uint8Array.of(0)),
  )
  refused(
    folder,
    of,
    'indefinite-length',
    `${whole} is a map of indefinite length.`,
    joined(Uint8Array.of(0xbf), bytes.subarray(1), Uint8Array.of(0xff)),
  )
  refused(
    folder,
    of,
    'long-head',
    `The number of keys of ${whole} is written in two bytes where one would do.`,
    joined(Uint8Array.of(0xb8, pairs.length), bytes.subarray(1)),
  )
}

// --- Two sites and what they have ------------------------------------------------------------------

async function site(fill: number) {
  const seed = new Uint8Array(32).fill(fill)
  const key = await generateKeyPairFromSeed('Ed25519', seed)
  const id = peerIdFromPrivateKey(key).toString()
  const sign = async (prefix: string, bytes: Uint8Array) => key.sign(joined(utf8(prefix), bytes))
  return { id, seed: hex(seed), sign }
}
const oslo = await site(1)
const kyoto = await site(2)

function fileOf(path: string, content: Uint8Array): Entry {
  return {
    kind: 'file',
    path,
    size: content.byteLength,
    blocks: content.byteLength > 0 ? sha256(content) : new Uint8Array(0),
  }
}
const cidOf = (content: Uint8Array): string =>
  fileCid(sha256, content.byteLength, content.byteLength > 0 ? sha256(content) : new Uint8Array(0))

function treeOf(entries: Entry[], times: (number | null)[] | undefined) {
  const pager = createPager(sha256)
  const pages = [...entries.flatMap((entry) => pager.add(entry)), ...pager.end()]
  if (pages.length !== 1 && times !== undefined)
    throw new Error('times here are for trees of one page')
  const root = encodeRoot(pages.map(({ link }) => link))
  const timesPage = times && encodeTimesPage(times)
  const timesRoot = timesPage && encodeTimesRoot([blockCid(sha256(timesPage), 'dag-cbor')])
  const sums = pages.map(({ link }) => link)
  const sum = (of: 'entries' | 'files' | 'bytes' | 'blocks') =>
    sums.reduce((all, link) => all + link[of], 0)
  const tree: Tree = {
    root: rootOf(sha256, root),
    times: timesRoot ? rootOf(sha256, timesRoot) : null,
    entries: sum('entries'),
    files: sum('files'),
    bytes: sum('bytes'),
    blocks: sum('blocks'),
  }
  return { tree, root, pages: pages.map(({ node }) => node), timesRoot, timesPage }
}

const tube = utf8('FCS3.1 not really, but these bytes are fixed.\n')
const readme = utf8('Two tubes, one of them empty.\n')
const at = Date.UTC(2026, 10, 22, 9, 30)
const data = treeOf(
  [
    { kind: 'dir', path: 'notes' },
    fileOf('plate 1/empty.csv', new Uint8Array(0)),
    fileOf('plate 1/tube β.fcs', tube),
    fileOf('readme.txt', readme),
  ],
  [null, at - 3000, at - 2000, at - 1000],
)
const chosen = treeOf([fileOf('plate 1/tube β.fcs', tube)], undefined)
const folderOnly = treeOf([{ kind: 'dir', path: 'notes' }], undefined)
const empty = treeOf([], undefined)
const canonical = utf8(
  '{"dataset":0,"gates":[{"name":"live","on":"dataset:0/plate 1/tube β.fcs"}]}',
)
const results = utf8('gate,events\nlive,8154\n')
const analysis = treeOf(
  [fileOf('document', canonical), fileOf('results/counts.csv', results)],
  undefined,
)
const bare = treeOf([fileOf('document', canonical)], undefined)

const transfer = '000102030405060708090a0b0c0d0e0f'
const dataset = {
  id: 12,
  version: 3,
  name: 'Plate 1',
  meta: { cytometer: 'Fortessa', operator: '' },
  tree: data.tree,
  part: false,
}
const about = { dataset: 12, version: 3, root: data.tree.root }
const workflow = {
  id: 40,
  version: 1,
  name: 'Live gate',
  format: 'json',
  tree: analysis.tree,
  document: cidOf(canonical),
  refs: [
    { pointer: '/dataset', form: 'id-number' },
    { pointer: '/gates/0/on', form: 'path', path: 'plate 1/tube β.fcs' },
  ],
  inputs: [{ label: '/gates/0/on', path: 'plate 1/tube β.fcs', cid: cidOf(tube) }],
  about,
}
const base = {
  v: 1,
  transfer,
  from: { site: oslo.id, person: 'ana@lab.example' },
  to: { site: kyoto.id, person: 'ana@lab.example' },
  createdAt: at,
}
const bundle = { ...base, dataset, workflows: [] }
const withDataset = (more: Some) => ({ ...base, dataset: { ...dataset, ...more }, workflows: [] })
const withTree = (more: Some) => withDataset({ tree: { ...data.tree, ...more } })
const withWorkflow = (more: Some) => ({ ...base, workflows: [{ ...workflow, ...more }] })

// --- bundle -----------------------------------------------------------------------------------------

const ok = (name: string, sentence: string, value: unknown) =>
  valid('bundle', 'bundle', name, sentence, value)
ok('dataset', 'A dataset with all its files, metadata and modification times.', bundle)
ok(
  'part',
  'A dataset of which one file was chosen: the tree holds that file, and says that it is a part.',
  withDataset({ tree: chosen.tree, part: true, meta: {} }),
)
ok(
  'workflow',
  'A workflow alone, about a dataset that the destination is known to have.',
  withWorkflow({}),
)
ok('both', 'A dataset and two workflows on it, one of them without results.', {
  ...bundle,
  workflows: [workflow, { ...workflow, id: 41, name: 'Bare', tree: bare.tree }],
})
ok(
  'slots',
  'A workflow whose document is bound by slots and holds no refs; its inputs are named by label.',
  withWorkflow({
    format: 'galaxy',
    refs: [],
    inputs: [{ label: 'Raw events', path: 'plate 1/tube β.fcs', cid: cidOf(tube) }],
  }),
)
ok(
  'id-string',
  'A ref to text that holds the ID, here at the empty name of RFC 6901.',
  withWorkflow({ refs: [{ pointer: '/', form: 'id-string' }], inputs: [] }),
)
ok(
  'whole-document',
  'A workflow that is bound by its record alone: neither refs nor inputs.',
  withWorkflow({ format: 'other', refs: [], inputs: [] }),
)
ok(
  'names',
  'Names are any text without control characters: other scripts, emoji, decomposed accents.',
  withDataset({ name: '심장 🫀 cafe\u0301 ٣', meta: { 'größe (µm)': '≤ 5' } }),
)
ok('longest-name', 'A name of 200 UTF-16 code units.', withDataset({ name: 'n'.repeat(200) }))
ok('largest-numbers', 'Every number may be as large as 2^53 - 1.', {
  ...withDataset({ id: Number.MAX_SAFE_INTEGER, version: Number.MAX_SAFE_INTEGER }),
  createdAt: Number.MAX_SAFE_INTEGER,
})
ok(
  'folder-only',
  'A dataset of one empty folder: an entry, no file.',
  withDataset({ tree: folderOnly.tree }),
)
ok('empty-tree', 'A dataset without any entry.', withDataset({ tree: empty.tree }))
ok(
  'large-file',
  'A file of more than one block has a dag-pb CID.',
  withWorkflow({
    inputs: [
      {
        label: 'Image',
        path: 'image.tif',
        cid: fileCid(sha256, 2 * 1_048_576, joined(sha256(tube), sha256(readme))),
      },
    ],
  }),
)
ok(
  'metadata-most',
  'Metadata of 256 entries, the most.',
  withDataset({
    meta: Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`key ${i}`, ''])),
  }),
)
ok('metadata-none', 'A dataset without metadata, made in 1970.', {
  ...withDataset({ meta: {} }),
  createdAt: 0,
})
ok(
  'ref-to-folder',
  'A ref to a folder: one input for each of its files, all of one label.',
  withWorkflow({
    refs: [{ pointer: '/plate', form: 'path', path: 'plate 1' }],
    inputs: [
      { label: '/plate', path: 'plate 1/empty.csv', cid: cidOf(new Uint8Array(0)) },
      { label: '/plate', path: 'plate 1/tube β.fcs', cid: cidOf(tube) },
    ],
  }),
)
ok('longest-person', 'An address of 254 characters.', {
  ...bundle,
  to: { site: kyoto.id, person: `${'k'.repeat(64)}@${'o'.repeat(181)}.example` },
})
ok(
  'longest-value',
  'A value of 4,096 UTF-16 code units, under a name of 200.',
  withDataset({ meta: { ['k'.repeat(200)]: 'v'.repeat(4096) } }),
)
ok(
  'ref-forms',
  'One ref of each form.',
  withWorkflow({
    refs: [
      { pointer: '/a', form: 'id-number' },
      { pointer: '/b~1c/~0', form: 'id-string' },
      { pointer: '/d/0', form: 'path', path: 'readme.txt' },
    ],
    inputs: [{ label: '/d/0', path: 'readme.txt', cid: cidOf(readme) }],
  }),
)
ok('ten-workflows', 'Ten workflows, alike but for their IDs.', {
  ...base,
  workflows: Array.from({ length: 10 }, (_, i) => ({
    ...workflow,
    id: i + 1,
    refs: [],
    inputs: [],
  })),
})
ok('person', 'Two people of different addresses.', {
  ...bundle,
  to: { site: kyoto.id, person: 'kenji.o+lab@kyoto.example' },
})

const bad = (name: string, sentence: string, bytes: Uint8Array) =>
  refused('bundle', 'bundle', name, sentence, bytes)
malformed('bundle', 'bundle', bundle, 'a bundle')
bad(
  'collaborators',
  'There is no place for collaborators.',
  encode({ ...bundle, collaborators: ['kenji@kyoto.example'] }),
)
bad(
  'groups',
  'There is no place for groups of a dataset either.',
  encode(withDataset({ groups: [1] })),
)
bad(
  'connections',
  'Nor for connections beside a person.',
  encode({ ...bundle, from: { ...base.from, connections: [] } }),
)
bad(
  'proto-in-metadata',
  'A name that some languages treat as special is no way around the schema: `__proto__` in metadata holds a map.',
  withMetaProto(),
)
bad('version', 'Version 2 is for somebody newer.', encode({ ...bundle, v: 2 }))
bad(
  'root-codec',
  "A tree's root is dag-cbor; this one is raw.",
  encode(withTree({ root: cidOf(tube) })),
)
bad(
  'root-version-0',
  'A root is a CIDv1; this is the same digest as a CIDv0.',
  encode(withTree({ root: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG' })),
)
bad(
  'document-codec',
  "A file's CID is raw or dag-pb; this one is dag-cbor.",
  encode(withWorkflow({ document: data.tree.root })),
)
bad(
  'cid-short',
  'A CID lacks its last character.',
  encode(withTree({ root: data.tree.root.slice(0, -1) })),
)
bad(
  'cid-tail',
  'The last character of a CID has bits that no byte uses: two texts, one digest.',
  encode(withTree({ root: `${data.tree.root.slice(0, -1)}${otherTail(data.tree.root)}` })),
)
bad('cid-case', 'A CID in capitals.', encode(withTree({ root: data.tree.root.toUpperCase() })))
bad(
  'cid-link',
  'A root is text; this one is a link (tag 42).',
  encode(withTree({ root: blockCid(sha256(data.root), 'dag-cbor') })),
)
bad('size-negative', 'A size of -1.', encode(withTree({ bytes: -1 })))
bad(
  'size-large',
  'A size of 2^53, which not every language can count.',
  encode(withTree({ bytes: 2n ** 53n })),
)
bad('size-fraction', 'A size of half a byte.', encode(withTree({ bytes: 0.5 })))
bad(
  'whole-float',
  'A whole number written as a float.',
  withBytes(bundle, 'createdAt', joined(Uint8Array.of(0xfb), float64(at))),
)
bad(
  'id-zero',
  "A dataset's ID is 1 or more; 0 only ever means a new one, at the destination.",
  encode(withDataset({ id: 0 })),
)
bad(
  'name-control',
  'A name with an escape, which a terminal would obey.',
  encode(withDataset({ name: 'Plate\u001b[2J' })),
)
bad('name-newline', 'A name of two lines.', encode(withDataset({ name: 'Plate\n1' })))
bad('name-long', 'A name of 201 UTF-16 code units.', encode(withDataset({ name: 'n'.repeat(201) })))
bad(
  'name-not-utf8',
  'A name that is not valid UTF-8.',
  replaced(encode(bundle), utf8('Plate 1'), joined(utf8('Plate '), Uint8Array.of(0xff))),
)
bad(
  'dataset-null',
  'A bundle without a dataset has no such key; null is not nothing.',
  encode({ ...base, dataset: null, workflows: [] }),
)
bad(
  'ref-form',
  'A form of ref that version 1 does not have.',
  encode(withWorkflow({ refs: [{ pointer: '/dataset', form: 'name' }] })),
)
bad(
  'tag',
  'A number under a tag; only links have one.',
  withBytes(bundle, 'createdAt', joined(Uint8Array.of(0xc1), encode(at))),
)
bad(
  'nesting',
  'Metadata 33 lists deep.',
  withBytes(bundle, 'dataset', joined(fromHex('81'.repeat(33)), encode(0))),
)
put('bundle', 'refused-nesting-endless', {
  sentence: 'A hundred thousand lists in each other, which must not end the process.',
  of: 'bundle',
  bytes: [{ repeat: '81', times: 100_000 }, '00'],
  fault: 'invalid',
})
bad(
  'oversized',
  'Nothing in it is over its own limit, and all together are over 1 MiB.',
  encode(
    withDataset({
      meta: Object.fromEntries(
        Array.from({ length: 256 }, (_, i) => [`key ${i}`, 'a'.repeat(4096)]),
      ),
    }),
  ),
)

function withMetaProto(): Uint8Array {
  const meta = mapOf([['__proto__', encode({ collaborators: ['kenji@kyoto.example'] })]])
  return withBytes(bundle, 'dataset', withBytes(dataset, 'meta', meta))
}

function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

/** Base32 of 36 bytes ends in two bits of no meaning, which are 0. */
function otherTail(cid: string): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz234567'
  return letters[letters.indexOf(cid.at(-1)!) + 1]!
}

function replaced(bytes: Uint8Array, was: Uint8Array, becomes: Uint8Array): Uint8Array {
  const from = Buffer.from(bytes).indexOf(was)
  if (from < 0 || was.byteLength !== becomes.byteLength)
    throw new Error('there is nothing to replace')
  return joined(bytes.subarray(0, from), becomes, bytes.subarray(from + was.byteLength))
}

const bundlePrefix = 'crossload bundle 1\n'
const bundleBytes = encode(bundle)
const bundleSignature = await oslo.sign(bundlePrefix, bundleBytes)
const signedBy = (who: { id: string; seed: string }, prefix: string, signature: Uint8Array) => ({
  site: who.id,
  seed: who.seed,
  prefix,
  signature: hex(signature),
})
valid(
  'bundle',
  'signed bundle',
  'signed',
  'A bundle and the signature of its source, whose key is made from this seed.',
  bundle,
  signedBy(oslo, bundlePrefix, bundleSignature),
)
const denied = async (name: string, sentence: string, signature: Uint8Array) =>
  put('bundle', `refused-${name}`, {
    sentence,
    of: 'signed bundle',
    bytes: hex(bundleBytes),
    ...signedBy(oslo, bundlePrefix, signature),
    fault: 'denied',
  })
await denied(
  'signature-of-another',
  "The signature is another site's.",
  await kyoto.sign(bundlePrefix, bundleBytes),
)
await denied(
  'signature-without-prefix',
  'What is signed begins with the prefix; this signature is over the bytes alone.',
  await oslo.sign('', bundleBytes),
)
await denied(
  'signature-flipped',
  'One bit of the signature is another.',
  bundleSignature.map((byte, i) => (i === 9 ? byte ^ 4 : byte)),
)

// --- frames -----------------------------------------------------------------------------------------

const nothing = new Uint8Array(0)
type OneFrame = { message: Some; body: Uint8Array }

function frameOf(
  head: Uint8Array,
  body: Uint8Array,
  headBytes = head.byteLength,
  bodyBytes = body.byteLength,
): Uint8Array {
  const lengths = new Uint8Array(8)
  new DataView(lengths.buffer).setUint32(0, headBytes)
  new DataView(lengths.buffer).setUint32(4, bodyBytes)
  return joined(lengths, head, body)
}

function validFrame(
  folder: Folder,
  of: string,
  name: string,
  sentence: string,
  message: Some,
  body: Uint8Array = nothing,
): void {
  const value = toJson({ message, body })
  put(folder, name, { sentence, of, bytes: bytesText(frameOf(encode(message), body)), value })
}

function stream(of: string, name: string, sentence: string, frames: OneFrame[]): void {
  const bytes = joined(...frames.map(({ message, body }) => frameOf(encode(message), body)))
  put('content', name, { sentence, of, bytes: bytesText(bytes), value: toJson(frames) })
}

function faultFrame(
  folder: Folder,
  of: string,
  name: string,
  sentence: string,
  kind: string,
  becomes: Vector['fault'],
): void {
  const fault = { kind, op: 'offer.check', text: 'What happened, and what to do next.' }
  put(folder, `refused-${name}`, {
    sentence,
    of,
    bytes: hex(frameOf(encode({ fault }), nothing)),
    fault: becomes!,
  })
}

// --- offer ------------------------------------------------------------------------------------------

const offer = {
  type: 'offer',
  bundle: bundleBytes,
  signature: bundleSignature,
  dest: 0,
  dry: false,
  allow: false,
}
const say = (name: string, sentence: string, value: unknown, more: Some = {}) =>
  valid('offer', 'offer message', name, sentence, value, more)
const hear = (name: string, sentence: string, value: unknown, more: Some = {}) =>
  valid('offer', 'offer answer', name, sentence, value, more)
say(
  'offer',
  'An offer of the signed dataset of ../bundle/signed.json, to become a new dataset.',
  offer,
)
say('offer-dry', 'A dry run: count what would cross, keep nothing.', { ...offer, dry: true })
say('offer-to-dataset', 'Into dataset 7 of the destination, whatever the binding report says.', {
  ...offer,
  dest: 7,
  allow: true,
})
say('cancel', 'The source has cancelled.', { type: 'cancel', transfer })
say('resume', 'There is reason to pull again.', { type: 'resume', transfer })
say(
  'newer-field',
  'A message may have fields that this version does not know; they are ignored.',
  { type: 'cancel', transfer },
  {
    bytes: bytesText(encode({ type: 'cancel', transfer, because: 'a newer site says why' })),
    ignores: true,
  },
)
hear('accepted', 'The destination will pull.', { type: 'accepted' })
hear('parked', 'A person at the destination has yet to decide.', { type: 'parked' })
hear('heard', 'The answer to resume and cancel.', { type: 'heard' })
const counted = { type: 'counted', files: 3, bytes: 77, heldFiles: 1, heldBytes: 46, binding: [] }
hear('counted', 'The answer to a dry run.', counted)
hear('counted-binding', 'With the rows of a binding report, one in each state.', {
  ...counted,
  binding: [
    { label: 'a', path: 'a.fcs', state: 'matched' },
    { label: 'b', path: 'b.fcs', state: 'renamed', now: 'plate 2/b.fcs' },
    { label: 'c', path: 'c.fcs', state: 'changed' },
    { label: 'd', path: 'd.fcs', state: 'missing' },
  ],
})
validFrame('offer', 'offer frame', 'frame-offer', 'The whole frame of an offer.', offer)
validFrame('offer', 'answer frame', 'frame-accepted', 'The whole frame of its answer.', {
  type: 'accepted',
})

malformed('offer', 'offer message', offer, 'an offer')
const badOffer = (name: string, sentence: string, value: Some) =>
  refused('offer', 'offer message', name, sentence, encode(value))
badOffer('type', 'A message of a type that this version does not have.', { type: 'hold', transfer })
badOffer('signature-long', 'A signature of 65 bytes.', {
  ...offer,
  signature: joined(bundleSignature, Uint8Array.of(0)),
})
badOffer('bundle-text', 'The bundle is a byte string, not text.', { ...offer, bundle: 'bundle' })
badOffer('bundle-oversized', 'A bundle of one byte over 1 MiB.', {
  ...offer,
  bundle: new Uint8Array(1_048_577),
})
badOffer('dest-negative', 'Dataset -1.', { ...offer, dest: -1 })
badOffer('dest-large', 'Dataset 2^53.', { ...offer, dest: 2n ** 53n })
badOffer('transfer-short', 'The ID of a transfer is 32 hexadecimal digits.', {
  type: 'cancel',
  transfer: transfer.slice(1),
})
badOffer('transfer-capitals', 'In small letters.', {
  type: 'cancel',
  transfer: transfer.toUpperCase(),
})
refused(
  'offer',
  'offer answer',
  'counted-negative',
  'Fewer than no files.',
  encode({ ...counted, files: -1 }),
)
refused(
  'offer',
  'offer answer',
  'binding-state',
  'A binding row in a state that version 1 does not have.',
  encode({ ...counted, binding: [{ label: 'a', path: 'a', state: 'new' }] }),
)
refused(
  'offer',
  'offer frame',
  'frame-head-oversized',
  'A head that declares one byte more than its cap is refused before it comes.',
  frameOf(nothing, nothing, 1_064_961),
)
refused(
  'offer',
  'offer frame',
  'frame-body',
  'No message of this protocol has a body.',
  frameOf(encode({ type: 'cancel', transfer }), Uint8Array.of(0)),
)
faultFrame(
  'offer',
  'answer frame',
  'fault-busy',
  'A fault in place of an answer is raised with its kind.',
  'busy',
  'busy',
)
faultFrame(
  'offer',
  'answer frame',
  'fault-newer',
  'A kind that this version does not know is read as internal.',
  'tired',
  'internal',
)

// --- content ----------------------------------------------------------------------------------------

const pull = (name: string, sentence: string, value: unknown, more: Some = {}) =>
  valid('content', 'pull message', name, sentence, value, more)
const serve = (name: string, sentence: string, value: unknown) =>
  valid('content', 'serve message', name, sentence, value)
const node = (kind: string, more: Some = {}) => ({
  tree: 0,
  node: kind,
  page: 0,
  entry: 0,
  list: 0,
  ...more,
})
const open = { type: 'open', transfer }
const wantNodes = { type: 'want', nodes: [node('root'), node('times')], blocks: [] }
const wantBlocks = {
  type: 'want',
  nodes: [],
  blocks: [
    [0, 0, 2, 0, 1],
    [0, 0, 3, 0, 1],
  ],
}
const end = { type: 'end', nodes: 4, blocks: 2, bytes: 76, roots: [data.tree.root] }
const giB4 = 4 * 1024 ** 3
pull('open', 'The first message of the destination.', open)
pull('want-nodes', 'The root of the first tree and the root of its times.', wantNodes)
pull('want-blocks', 'The first block of two files: [tree, page, entry, first, count].', wantBlocks)
const wantRun = { type: 'want', nodes: [], blocks: [[0, 0, 2, 0, 2]] }
pull(
  'want-run',
  'The same two blocks as one run: it goes on into the next file of the page.',
  wantRun,
)
pull('want-list', 'Digests of a large file, and 8 of its blocks in one.', {
  type: 'want',
  nodes: [node('list', { tree: 2, page: 7, entry: 2047, list: 4095 })],
  blocks: [[2, 7, 2047, 16_777_208, 8]],
})
pull(
  'want-tally',
  'With what the destination has so far, in bytes; more than 4 GiB is nothing special.',
  { ...wantBlocks, tally: { held: giB4, received: 3 * giB4 } },
)
pull('finish', 'Nothing more is wanted.', { type: 'finish' })
pull(
  'newer-field',
  'A field that this version does not know is ignored.',
  { type: 'finish' },
  { bytes: bytesText(encode({ type: 'finish', thanks: true })), ignores: true },
)
serve('opened', 'The grant stands.', { type: 'opened' })
serve('node', 'What precedes the bytes of a node.', { type: 'node' })
serve('blocks', 'What precedes the bytes of two blocks.', { type: 'blocks', of: wantBlocks.blocks })
serve('end', 'What was sent on this stream.', end)
serve('end-large', 'A stream of more than 4 GiB.', {
  ...end,
  blocks: 5000,
  bytes: 5000 * 1_048_576,
})
validFrame(
  'content',
  'serve frame',
  'frame-node',
  "The root of the dataset of ../bundle/dataset.json, as a frame; its SHA-256 is the digest in the root's CID.",
  { type: 'node' },
  data.root,
)
const bodies = joined(tube, readme)
validFrame(
  'content',
  'serve frame',
  'frame-blocks',
  'Two small files in one frame.',
  { type: 'blocks', of: wantBlocks.blocks },
  bodies,
)
validFrame(
  'content',
  'serve frame',
  'frame-run',
  'The same two files, wanted as one run.',
  { type: 'blocks', of: wantRun.blocks },
  bodies,
)
const timesWant = { type: 'want', nodes: [node('times-page'), node('page')], blocks: [] }
stream(
  'pull stream',
  'stream-destination',
  'All that a destination says while it pulls ../bundle/dataset.json.',
  [
    ...[open, wantNodes, timesWant, wantBlocks, { type: 'finish' }].map((message) => ({
      message,
      body: nothing,
    })),
  ],
)
stream('serve stream', 'stream-source', 'All that the source says meanwhile.', [
  { message: { type: 'opened' }, body: nothing },
  { message: { type: 'node' }, body: data.root },
  { message: { type: 'node' }, body: data.timesRoot! },
  { message: { type: 'node' }, body: data.timesPage! },
  { message: { type: 'node' }, body: data.pages[0]! },
  { message: { type: 'blocks', of: wantBlocks.blocks }, body: bodies },
  { message: end, body: nothing },
])

malformed('content', 'pull message', wantBlocks, 'a want')
const badPull = (name: string, sentence: string, value: Some) =>
  refused('content', 'pull message', name, sentence, encode(value))
const badServe = (name: string, sentence: string, value: Some) =>
  refused('content', 'serve message', name, sentence, encode(value))
badPull('want-cid', 'Nothing is asked for by its CID.', {
  type: 'want',
  nodes: [],
  blocks: [cidOf(tube)],
})
badPull('want-none', 'A count of no blocks.', {
  type: 'want',
  nodes: [],
  blocks: [[0, 0, 2, 0, 0]],
})
badPull('want-negative', 'A place before the first.', {
  type: 'want',
  nodes: [],
  blocks: [[0, 0, -1, 0, 1]],
})
badPull('want-far', 'A place above 2^32.', {
  type: 'want',
  nodes: [],
  blocks: [[0, 0, 0, 2 ** 32 + 1, 1]],
})
badPull('want-four', 'A place of four numbers.', {
  type: 'want',
  nodes: [],
  blocks: [[0, 0, 2, 1]],
})
badPull('want-many', 'One block more than 4,096 in one message.', {
  type: 'want',
  nodes: [],
  blocks: Array.from({ length: 4097 }, () => [0, 0, 0, 0, 1]),
})
badPull('want-node', 'A kind of node that version 1 does not have.', {
  type: 'want',
  nodes: [node('journal')],
  blocks: [],
})
badPull('side', 'A destination does not say what a source says.', { type: 'opened' })
badServe('blocks-none', 'An answer of no blocks.', { type: 'blocks', of: [] })
badServe('end-without-roots', 'The end names every root.', {
  type: 'end',
  nodes: 1,
  blocks: 0,
  bytes: 0,
})
badServe('end-large', 'Bytes that not every language can count.', { ...end, bytes: 2n ** 53n })
refused(
  'content',
  'serve frame',
  'frame-body-oversized',
  'A body that declares one byte more than 1 MiB is refused before it comes.',
  frameOf(encode({ type: 'node' }), nothing, undefined, 1_048_577),
)
refused(
  'content',
  'serve frame',
  'frame-lie',
  'Lengths of 4 GiB, which nobody may allocate.',
  fromHex('ffffffffffffffff'),
)
faultFrame(
  'content',
  'serve frame',
  'fault-denied',
  'The source refuses what was not offered.',
  'denied',
  'denied',
)

// --- receipt ----------------------------------------------------------------------------------------

const receipt = {
  v: 1,
  kind: 'received',
  transfer,
  source: oslo.id,
  destination: kyoto.id,
  at: at + 60_000,
  bundle: hex(sha256(bundleBytes)),
  trees: [{ root: data.tree.root, files: data.tree.files, bytes: data.tree.bytes }],
  workflows: [],
}
const imported = { ...receipt, kind: 'imported', at: at + 61_000, dataset: { id: 7, version: 1 } }
const bound = { source: 40, id: 9, version: 1 }
const right = (name: string, sentence: string, value: unknown) =>
  valid('receipt', 'receipt', name, sentence, value)
right(
  'received',
  'Everything of ../bundle/dataset.json is durable and verified at the destination.',
  receipt,
)
right('imported', 'It has become version 1 of dataset 7 there.', imported)
right(
  'imported-workflows',
  'Workflows alone: the dataset that they were bound to was there before.',
  {
    ...receipt,
    kind: 'imported',
    trees: [{ root: analysis.tree.root, files: 2, bytes: analysis.tree.bytes }],
    workflows: [bound],
  },
)
right('imported-both', 'A dataset, as a new version of one that was there, and a workflow on it.', {
  ...imported,
  dataset: { id: 7, version: 4 },
  workflows: [bound],
})
right('largest-numbers', 'Every number may be as large as 2^53 - 1.', {
  ...imported,
  at: Number.MAX_SAFE_INTEGER,
  dataset: { id: Number.MAX_SAFE_INTEGER, version: 1 },
})
const receiptPrefix = 'crossload receipt 1\n'
const importedBytes = encode(imported)
const importedSignature = await kyoto.sign(receiptPrefix, importedBytes)
valid(
  'receipt',
  'signed receipt',
  'signed',
  'A receipt and the signature of the destination, whose key is made from this seed.',
  imported,
  signedBy(kyoto, receiptPrefix, importedSignature),
)
const message = (name: string, sentence: string, value: unknown, more: Some = {}) =>
  valid('receipt', 'receipt message', name, sentence, value, more)
const told = { type: 'receipt', receipt: importedBytes, signature: importedSignature }
const why = {
  kind: 'missing',
  op: 'import.bind',
  text: 'Inputs are missing here.',
  list: ['plate 1/tube β.fcs'],
}
const failed = { type: 'ended', transfer, state: 'failed', fault: why }
message('message-receipt', 'How the receipt is told.', told)
message('message-cancelled', 'A person at the destination has cancelled.', {
  type: 'ended',
  transfer,
  state: 'cancelled',
})
message('message-failed', 'It has failed at the destination for good, and why.', failed)
message('message-failed-newer', 'A kind that this version does not know still ends the transfer.', {
  ...failed,
  fault: { ...why, kind: 'tired' },
})
message(
  'message-newer-field',
  'A field of a message that this version does not know is ignored.',
  { type: 'ended', transfer, state: 'cancelled' },
  {
    bytes: bytesText(encode({ type: 'ended', transfer, state: 'cancelled', by: 'kenji' })),
    ignores: true,
  },
)
valid('receipt', 'receipt answer', 'kept', 'Durable at the source.', { type: 'kept' })
validFrame('receipt', 'receipt frame', 'frame-receipt', 'The whole frame of a receipt.', told)
validFrame(
  'receipt',
  'receipt frame',
  'frame-failed',
  'A message with a type is that message, although it also holds a fault.',
  failed,
)

malformed('receipt', 'receipt', imported, 'a receipt')
const wrong = (name: string, sentence: string, value: Some) =>
  refused('receipt', 'receipt', name, sentence, encode(value))
wrong('version', 'Version 2 is for somebody newer.', { ...receipt, v: 2 })
wrong('newer-field', 'What is signed has no field that the reader ignores.', {
  ...receipt,
  note: 'all well',
})
wrong('kind', 'A kind of receipt that version 1 does not have.', { ...receipt, kind: 'hold' })
wrong('bundle-hash', 'The hash of the bundle in capitals.', {
  ...receipt,
  bundle: receipt.bundle.toUpperCase(),
})
wrong('bytes-negative', 'Fewer than no bytes.', {
  ...receipt,
  trees: [{ ...receipt.trees[0], bytes: -1 }],
})
wrong('bytes-large', 'Bytes that not every language can count.', {
  ...receipt,
  trees: [{ ...receipt.trees[0], bytes: 2n ** 53n }],
})
wrong('workflow-zero', 'An ID of 0.', { ...imported, workflows: [{ ...bound, id: 0 }] })
wrong('site', 'A site is an Ed25519 key; this text is another kind of key.', {
  ...receipt,
  source: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG',
})
wrong('oversized', 'A root of 300,000 characters: over the cap of the whole.', {
  ...receipt,
  trees: [{ ...receipt.trees[0], root: 'a'.repeat(300_000) }],
})
refused(
  'receipt',
  'receipt message',
  'message-signature',
  'A signature of 63 bytes.',
  encode({ ...told, signature: importedSignature.subarray(1) }),
)
refused(
  'receipt',
  'receipt message',
  'message-state',
  'An end that version 1 does not have.',
  encode({ type: 'ended', transfer, state: 'done' }),
)
const notSigned = (name: string, sentence: string, signature: Uint8Array) =>
  put('receipt', `refused-${name}`, {
    sentence,
    of: 'signed receipt',
    bytes: hex(importedBytes),
    ...signedBy(kyoto, receiptPrefix, signature),
    fault: 'denied',
  })
notSigned(
  'signature-of-source',
  'A source cannot sign its own receipt.',
  await oslo.sign(receiptPrefix, importedBytes),
)
notSigned(
  'signature-prefix',
  'The prefix of a bundle does not serve for a receipt.',
  await kyoto.sign(bundlePrefix, importedBytes),
)
