/**
 * Writes the vectors of the manifest: `node test/vectors/generate-manifest.ts`. A vector that changes
 * changes what sites say to each other, so the protocol needs a new version first.
 */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { sha256 } from '../../node/store/sha256.ts'
import { type Entry, encodeRoot, type PageLink } from '../../protocol/manifest.ts'
import { createPager, endsPage, type FinishedPage } from '../../protocol/pages.ts'
import { blockCid } from '../../protocol/unixfs.ts'
import { encode } from '../../protocol/wire.ts'

/**
 * What is to be done (`do`), with what, and what comes of it: `value` or `fault`. Bytes are
 * hexadecimal; in a value, bytes are `{"bytes": hex}` and a CID is `{"cid": text}`.
 */
export type Vector = {
  name: string
  sentence: string
  do: Task
  value?: unknown
  fault?: 'invalid'
}

export type Task =
  | { page: string }
  | { root: string }
  | { list: string; size: number; index: number }
  | { timesRoot: string; pages: number }
  | { timesPage: string; entries: number }
  | { tree: { root: string; pages: string[] } }
  | { path: string }
  | { endsPage: string }
  | { fileCid: { size: number; digests: string; times: number } }

export const folder = join(import.meta.dirname, 'manifest')

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const ascii = (text: string) => hex(Buffer.from(text))

export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: hex(value) }
  const cid = CID.asCID(value)
  if (cid) return { cid: cid.toString() }
  if (Array.isArray(value)) return value.map(toJson)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]))
  }
  return value
}

const digest = (text: string) => new Uint8Array(sha256(Buffer.from(text)))
const inner = (text: string) => blockCid(digest(text), 'dag-cbor')
const small = (path: string, text = path): Entry => {
  return {
    kind: 'file',
    path,
    size: text.length,
    blocks: text === '' ? new Uint8Array(0) : digest(text),
  }
}
const dir = (path: string): Entry => ({ kind: 'dir', path })
const mib = 1_048_576

export function vectors(): Vector[] {
  return [...pages(), ...roots(), ...lists(), ...times(), ...trees(), ...paths(), ...files()]
}

function good(name: string, sentence: string, task: Task, value: unknown): Vector {
  return { name, sentence, do: task, value: toJson(value) }
}

function bad(name: string, sentence: string, task: Task): Vector {
  return { name: `refused-${name}`, sentence, do: task, fault: 'invalid' }
}

function pages(): Vector[] {
  const page = (name: string, sentence: string, ...entries: Entry[]) =>
    good(`page-${name}`, sentence, { page: hex(encode({ entries })) }, { entries })
  const refused = (name: string, sentence: string, ...entries: unknown[]) =>
    bad(`page-${name}`, sentence, { page: hex(encode({ entries })) })
  const raw = (name: string, sentence: string, bytes: string) =>
    bad(`page-${name}`, sentence, { page: bytes })
  const large = { kind: 'file', path: 'large', size: 1025 * mib } as const
  const one = hex(encode({ entries: [dir('d')] }))
  return [
    page('one-file', 'One file of one block.', small('hello.txt', 'hello world')),
    page(
      'empty',
      'An empty file has no digest; an empty folder has only its path.',
      small('empty.txt', ''),
      dir('folder'),
    ),
    page(
      'names',
      'Names travel byte for byte: spaces, colons, backslashes, emoji, composed and decomposed accents.',
      small(' a'),
      small('a: b\\c'),
      small('e\u0301'),
      small('\u00e9'),
      small('\u{1f9ea}'),
    ),
    page(
      'order',
      'Order is component by component by UTF-8 bytes, so a folder comes before names that go on with a character below the slash.',
      small('a/b'),
      small('a b'),
      small('a-b'),
      small('ab'),
      small('b/\uffff'),
      small('b/\u{10000}'),
    ),
    page('full-block', 'A file of exactly 1 MiB has one block.', {
      ...small('block'),
      size: mib,
    } as Entry),
    page('two-blocks', 'One byte more makes a second block.', {
      kind: 'file',
      path: 'two',
      size: mib + 1,
      blocks: bytesOf(hex(digest('1')) + hex(digest('2'))),
    }),
    page('listed', 'With more than 1,024 blocks the digests stand in lists.', {
      ...large,
      lists: [inner('list')],
    }),
    page('two-lists', 'A file of 4 GiB and a byte has a second list.', {
      ...large,
      size: 4096 * mib + 1,
      lists: [inner('1'), inner('2')],
    }),
    page('case', 'Names that differ in case alone both travel.', small('A'), small('a')),
    page(
      'beside',
      'A name that goes on where another ends is not inside it.',
      small('a'),
      small('a.b'),
      small('ab'),
    ),
    page('same-content', 'The same content may have many names.', small('a', 'x'), small('b', 'x')),
    page(
      'empty-folders',
      'Empty folders may lie inside implied ones.',
      dir('a/b'),
      dir('a/c'),
      small('b'),
    ),
    page(
      'proto-name',
      'Names that mean something to JavaScript are names.',
      small('__proto__'),
      small('constructor'),
      small('toString'),
    ),
    refused('no-entries', 'A page has at least one entry.'),
    refused('link', 'There are files and folders, nothing else.', {
      kind: 'link',
      path: 'a',
      target: 'b',
    }),
    refused('mode', 'An entry has no other fields.', { ...small('a'), mode: 0o755 }),
    refused(
      'proto',
      'Not even this one.',
      Object.assign(Object.create(null), small('a'), JSON.parse('{"__proto__":{"x":1}}')),
    ),
    refused('digest-missing', 'A file has as many digests as its size has blocks.', {
      ...small('a'),
      size: mib + 1,
    }),
    refused('digest-short', 'A digest has 32 bytes.', {
      kind: 'file',
      path: 'a',
      size: 1,
      blocks: digest('a').subarray(1),
    }),
    refused('digest-of-nothing', 'An empty file has no digest.', {
      kind: 'file',
      path: 'a',
      size: 0,
      blocks: digest(''),
    }),
    refused('lists-too-early', 'A file of 1,024 blocks keeps its digests in its entry.', {
      ...large,
      size: 1024 * mib,
      lists: [inner('list')],
    }),
    refused('lists-too-many', 'One list holds up to 4,096 digests.', {
      ...large,
      lists: [inner('1'), inner('2')],
    }),
    refused('lists-and-blocks', 'Digests stand in one place.', {
      ...large,
      lists: [inner('1')],
      blocks: digest('a'),
    }),
    refused('list-raw', 'A list is a node of DAG-CBOR.', {
      ...large,
      lists: [blockCid(digest('a'), 'raw')],
    }),
    refused('list-identity', 'A CID is made with sha2-256.', {
      ...large,
      lists: [CID.decode(bytesOf(`01710020${'00'.repeat(32)}`))],
    }),
    refused('list-short-digest', 'A CID has a whole digest.', {
      ...large,
      lists: [CID.decode(bytesOf('01711201aa'))],
    }),
    refused('size-negative', 'A size is not negative.', { ...small('a'), size: -1 }),
    refused('size-fraction', 'A size is whole.', { ...small('a'), size: 0.5 }),
    refused('size-2-53', 'A size is below 2^53.', { ...small('a'), size: 2n ** 53n }),
    refused('twice', 'A path is there once.', small('a'), small('a', 'b')),
    refused('out-of-order', 'Entries are in order.', small('b'), small('a')),
    refused(
      'order-of-strings',
      'The order is that of bytes, not of UTF-16 units.',
      small('\u{10000}'),
      small('\uffff'),
    ),
    refused('file-as-folder', 'A file has nothing inside.', small('a'), small('a/b')),
    refused(
      'full-folder',
      'A folder that holds something is not an entry.',
      dir('a'),
      small('a/b'),
    ),
    refused('climbing', 'A path does not climb.', small('a/../../b')),
    raw(
      'unsorted-keys',
      'Keys are sorted.',
      one
        .replace('646b696e64636469726470617468', '6470617468')
        .replace('6164', '6164646b696e6463646972'),
    ),
    raw('indefinite', 'Lengths are definite.', one.replace('81a2', '9fa2').concat('ff')),
    raw('long-length', 'Lengths are as short as can be.', one.replace('81a2', '9801a2')),
    raw('trailing', 'Nothing follows.', `${one}00`),
    raw('not-utf-8', 'Text is UTF-8.', one.replace(`61${ascii('d')}`, '61ff')),
    raw('deep', 'Nothing nests deeper than it must.', '81'.repeat(100) + '00'),
  ]
}

const finish = (entries: Entry[]): FinishedPage[] => {
  const pager = createPager(sha256)
  return [...entries.flatMap((entry) => pager.add(entry)), ...pager.end()]
}

/** The first few names that end a page, and some that do not. */
function names(): { ending: string[]; other: string[] } {
  const all = Array.from({ length: 4000 }, (_, i) => `scan-${String(i).padStart(4, '0')}.fcs`)
  return {
    ending: all.filter((name) => endsPage(sha256, name)).slice(0, 3),
    other: all.filter((name) => !endsPage(sha256, name)).slice(0, 3),
  }
}

function roots(): Vector[] {
  const links = finish(
    [
      ...names().other.map((name) => small(name)),
      ...names().ending.map((name) => small(name)),
    ].sort((a, b) => (a.path < b.path ? -1 : 1)),
  ).map((page) => page.link)
  const root = (pages: unknown[], more: object = {}) => {
    const sums = { entries: 0, files: 0, bytes: 0, blocks: 0 }
    for (const page of pages as PageLink[])
      for (const key of ['entries', 'files', 'bytes', 'blocks'] as const) sums[key] += page[key]
    return { v: 1, ...sums, pages, ...more }
  }
  const refused = (name: string, sentence: string, value: unknown) =>
    bad(`root-${name}`, sentence, { root: hex(encode(value)) })
  const [first, second] = links as [PageLink, PageLink]
  const lone = finish([small('a')])[0]!.link
  const hollow = finish([dir('a'), dir('b')])[0]!.link
  return [
    good(
      'root-empty',
      'A tree without entries has no pages.',
      { root: hex(encodeRoot([])) },
      root([]),
    ),
    good('root-pages', 'A root adds up its pages.', { root: hex(encodeRoot(links)) }, root(links)),
    good(
      'root-one-entry',
      'A page of one entry begins and ends with it.',
      { root: hex(encodeRoot([lone])) },
      root([lone]),
    ),
    good(
      'root-folders',
      'A tree may hold empty folders alone.',
      { root: hex(encodeRoot([hollow])) },
      root([hollow]),
    ),
    refused('version', 'This is version 1.', root([], { v: 2 })),
    refused('sums', 'The root adds up its pages.', root([first, second], { bytes: first.bytes })),
    refused('order', 'Pages are in order.', root([second, first])),
    refused('twice', 'A page is there once.', root([first, first])),
    refused(
      'empty-page',
      'A page has entries.',
      root([{ ...first, entries: 0, files: 0, bytes: 0, blocks: 0 }]),
    ),
    refused('files', 'Files are entries.', root([{ ...first, files: first.entries + 1 }])),
    refused(
      'raw',
      'A page is a node of DAG-CBOR.',
      root([{ ...first, cid: blockCid(digest('a'), 'raw') }]),
    ),
    refused(
      'overflow',
      'Sums stay below 2^53.',
      root([{ ...first, bytes: Number.MAX_SAFE_INTEGER }, second], {
        bytes: Number.MAX_SAFE_INTEGER,
      }),
    ),
    refused(
      'one-entry',
      'A page of one entry begins and ends with it.',
      root([{ ...first, entries: 1, files: 1 }]),
    ),
  ]
}

function lists(): Vector[] {
  const node = hex(encode({ digests: digest('last') }))
  const place = { size: 4096 * mib + 1, index: 1 }
  const many = bytesOf(Array.from({ length: 1025 }, (_, i) => hex(digest(String(i)))).join(''))
  return [
    good(
      'list-last',
      'The second list of a file of 4 GiB and a byte holds one digest.',
      { list: node, ...place },
      digest('last'),
    ),
    good(
      'list-only',
      'The list of a file of 1,025 blocks.',
      { list: hex(encode({ digests: many })), size: 1025 * mib, index: 0 },
      many,
    ),
    bad('list-short', 'The first is full.', { list: node, size: place.size, index: 0 }),
    bad('list-field', 'A list has no other fields.', {
      list: hex(encode({ digests: digest('last'), v: 1 })),
      ...place,
    }),
  ]
}

function times(): Vector[] {
  const known = [1_700_000_000_123, null, -1, 0]
  const page = hex(encode({ times: known }))
  const root = hex(encode({ v: 1, pages: [inner('t')] }))
  return [
    good(
      'times-page',
      'One time an entry, null where it is not known; before 1970 they are negative.',
      { timesPage: page, entries: 4 },
      known,
    ),
    good('times-root', 'One page of times a page of entries.', { timesRoot: root, pages: 1 }, [
      inner('t'),
    ]),
    good(
      'times-unknown',
      'No time may be known.',
      { timesPage: hex(encode({ times: [null] })), entries: 1 },
      [null],
    ),
    good(
      'times-far',
      'Any safe integer is a time.',
      {
        timesPage: hex(encode({ times: [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER] })),
        entries: 2,
      },
      [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
    ),
    good(
      'times-none',
      'A tree without pages has no pages of times.',
      { timesRoot: hex(encode({ v: 1, pages: [] })), pages: 0 },
      [],
    ),
    bad('times-count', 'As many times as entries.', { timesPage: page, entries: 5 }),
    bad('times-fraction', 'Milliseconds are whole.', {
      timesPage: hex(encode({ times: [0.5] })),
      entries: 1,
    }),
    bad('times-pages', 'As many pages of times as of entries.', { timesRoot: root, pages: 2 }),
  ]
}

function trees(): Vector[] {
  const { ending, other } = names()
  const tree = (nodes: FinishedPage[]): Task => {
    return {
      tree: {
        root: hex(encodeRoot(nodes.map((page) => page.link))),
        pages: nodes.map((page) => hex(page.node)),
      },
    }
  }
  /** Pages cut where the writer likes, each by itself as it should be. */
  const cut = (...groups: string[][]): FinishedPage[] =>
    groups.map((group) => {
      const entries = group.map((name) => small(name))
      const node = encode({ entries })
      const sums = {
        entries: entries.length,
        files: entries.length,
        bytes: group.join('').length,
        blocks: entries.length,
      }
      return {
        node,
        link: {
          cid: blockCid(sha256(node), 'dag-cbor'),
          ...sums,
          first: group[0]!,
          last: group.at(-1)!,
        },
      }
    })
  const [a, b, c] = other as [string, string, string]
  const [end] = ending as [string]
  const whole = finish([a, b, c, end].map((name) => small(name)))
  const after = finish([a, end, `${end}.x`].map((name) => small(name)))
  const lying = cut([a, b]).map(({ node, link }) => ({
    node,
    link: { ...link, bytes: link.bytes + 1 },
  }))
  return [
    good(
      'tree-one-page',
      'The last page ends with the last entry.',
      tree(whole),
      whole.map((page) => page.link.entries),
    ),
    good(
      'tree-two-pages',
      `A page ends after ${end}, whose hash has nine low zero bits.`,
      tree(after),
      after.map((page) => page.link.entries),
    ),
    good('tree-empty', 'A tree may be empty.', tree([]), []),
    bad('tree-ends-early', 'A page does not end before it must.', tree(cut([a], [b, c]))),
    bad(
      'tree-goes-on',
      'A page does not go on after an entry that ends it.',
      tree(cut([a, end, `${end}.x`])),
    ),
    bad('tree-lies', 'A page is what the root says.', tree(lying)),
  ]
}

function paths(): Vector[] {
  const path = (name: string, sentence: string, text: string) =>
    good(`path-${name}`, sentence, { path: text }, text)
  const refused = (name: string, sentence: string, text: string) =>
    bad(`path-${name}`, sentence, { path: text })
  const { ending, other } = names()
  return [
    path('plain', 'An ordinary path.', 'plate 1/A01.fcs'),
    path('one', 'One character is enough.', '-'),
    path('hidden', 'A hidden file is a file.', '.hidden'),
    path('dots', 'Dots are refused only as whole components.', 'a/..b/.../c.'),
    path('windows', 'What Windows cannot hold is flagged, not refused.', 'CON/a:b?.txt '),
    path('bom', 'A byte order mark is a character like others.', '\ufeffa'),
    path('long-component', '255 bytes fit.', 'x'.repeat(255)),
    path('long', '1,024 bytes fit.', `${`${'x'.repeat(204)}/`.repeat(4)}${'y'.repeat(204)}`),
    path('deep', '64 components fit.', Array(64).fill('d').join('/')),
    path('space', 'Spaces at both ends are kept.', ' a '),
    path('backslash', 'A backslash is a character like others.', 'a\\b'),
    path('drive', 'So is a colon.', 'C:a'),
    path(
      'emoji',
      'Characters outside the first plane travel.',
      '\u{1f9ea}\u{1f468}\u200d\u{1f52c}',
    ),
    path('decomposed', 'Nothing is normalised.', 'Ame\u0301lie'),
    path('right-to-left', 'Marks of direction are flagged, not refused.', 'a\u202eb'),
    path('replacement', 'The replacement character is one like others.', 'a\ufffdb'),
    path('percent', 'Nothing is an escape.', '%2e%2e/\\u0000'),
    path('tilde', 'No name stands for something else.', '~/$HOME/*'),
    path('git', 'Names that programs act on are flagged, not refused.', '.git/config'),
    path('latin', 'Length is counted in bytes.', 'é'.repeat(127)),
    refused('empty', 'A path is not empty.', ''),
    refused('absolute', 'A path is relative.', '/etc/passwd'),
    refused('dot', 'No component is a dot.', 'a/./b'),
    refused('climbing', 'No component is two dots.', '../a'),
    refused('slash', 'No component is empty.', 'a//b'),
    refused('slash-at-end', 'Not the last one either.', 'a/'),
    refused('nul', 'No NUL.', 'a\u0000b'),
    refused('control', 'No control characters of either set.', 'a\u0085b'),
    refused('delete', 'Delete is one.', 'a\u007f'),
    refused('surrogate', 'No half characters.', 'a\ud800'),
    refused('long-component', '256 bytes do not fit.', 'x'.repeat(256)),
    refused(
      'long',
      '1,025 bytes do not fit.',
      `${`${'x'.repeat(204)}/`.repeat(4)}${'y'.repeat(205)}`,
    ),
    refused('deep', '65 components do not fit.', Array(65).fill('d').join('/')),
    refused('latin', 'Length is counted in bytes.', 'é'.repeat(128)),
    ...ending.map((name, i) =>
      good(`ends-page-${i}`, 'This path ends a page.', { endsPage: name }, true),
    ),
    ...other.map((name, i) =>
      good(`ends-no-page-${i}`, 'This path ends no page.', { endsPage: name }, false),
    ),
  ]
}

function files(): Vector[] {
  const cid = (
    name: string,
    sentence: string,
    size: number,
    block: string,
    times: number,
    text: string,
  ) => good(`file-${name}`, sentence, { fileCid: { size, digests: block, times } }, text)
  const zeros = hex(sha256(new Uint8Array(mib)))
  return [
    cid(
      'empty',
      'An empty file is the raw block of no bytes.',
      0,
      '',
      0,
      'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
    ),
    cid(
      'one-block',
      'A file of one block is that block.',
      11,
      hex(digest('hello world')),
      1,
      'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e',
    ),
    cid(
      'full-block',
      'Also one of 1 MiB.',
      mib,
      zeros,
      1,
      'bafkreibq4fevl27rgurgnxbp7adh42aqiyd6ouflxhj3gzmcxcxzbh6lla',
    ),
    cid(
      'two-blocks',
      'Two blocks have a node above them.',
      2 * mib,
      zeros,
      2,
      'bafybeiam7fzx7ebtpwnfqb4tfhcthbgihdavyir433y6dd5jjy37dftd4e',
    ),
    cid(
      'one-node',
      '1,024 blocks fit under one node.',
      1024 * mib,
      zeros,
      1024,
      'bafybeibqawkaltgjfdebq4no6nmfcvkcw7k52xqzclkwfmrkn6oxw7srmy',
    ),
    cid(
      'two-levels',
      'One more, and the last block gets a node of its own.',
      1025 * mib,
      zeros,
      1025,
      'bafybeigt7wofv4vnxbg3titijasuw4ptg5kfztec4smsk7opdt7z6djoxq',
    ),
  ]
}

export const fileOf = (vector: Vector) => join(folder, `${vector.name}.json`)
export const textOf = ({ name: _, ...vector }: Vector) => `${JSON.stringify(vector, null, 2)}\n`

if (import.meta.main) {
  for (const name of await readdir(folder)) await rm(join(folder, name))
  for (const vector of vectors()) await writeFile(fileOf(vector), textOf(vector))
}
