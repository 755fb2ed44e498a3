/**
 * Writes the vectors of hello, link (with the invitation), connection and lane: `node
 * test/vectors/generate-sites.ts`. A vector that changes changes what sites say to each other, so its
 * protocol needs a new version first.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { base32 } from 'multiformats/bases/base32'
import { sha256 } from 'multiformats/hashes/sha2'
import { parseSiteId } from '../../protocol/ids.ts'
import { formatInvitation } from '../../protocol/invitation.ts'
import { encode } from '../../protocol/wire.ts'
import { toJson } from './run.ts'

export const protocols = ['hello', 'link', 'connection', 'lane'] as const
type Protocol = (typeof protocols)[number]

/** A file of the form that `run.ts` reads. The bytes of an invitation are its text. */
export type SiteVector = {
  readonly sentence: string
  readonly of: string
  readonly bytes: string
  readonly value?: unknown
  readonly ignores?: true
  readonly fault?: 'invalid' | 'unreachable'
}

type Named = { readonly protocol: Protocol; readonly name: string; readonly vector: SiteVector }

type Fields = Record<string, unknown>

const site = parseSiteId(`12D3KooW${'A'.repeat(44)}`)
const secret = Uint8Array.from({ length: 16 }, (_, i) => i * 16)
const addresses = ['/ip4/192.0.2.7/tcp/4001', '/dns4/oslo.example/tcp/443/wss']
const about = {
  name: 'Oslo Cytometry',
  addresses,
  speaks: ['/crossload/hello/1.0.0', '/crossload/link/1.0.0'],
}
const willing = { is: 'willing', changedAt: 1_767_225_600_000 }
const ask = { type: 'ask', name: 'Oslo Cytometry', addresses, stance: willing }
const tell = { ...ask, type: 'tell', stance: { is: 'paused', changedAt: 1_767_225_600_001 } }
const people = { from: 'ana@lab.example', to: 'ken@lab.example', name: 'Ana' }
const invitation = { site, name: 'Oslo Cytometry', addresses, secret, expiresAt: 1_767_398_400_000 }

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function good(
  protocol: Protocol,
  as: 'message' | 'answer',
  name: string,
  sentence: string,
  value: Fields,
  more?: Fields,
): Named {
  const bytes = hex(encode({ ...value, ...more }))
  const ignores = more === undefined ? {} : ({ ignores: true } as const)
  const of = `${protocol} ${as}`
  return { protocol, name, vector: { sentence, of, bytes, value: toJson(value), ...ignores } }
}

function bad(
  protocol: Protocol,
  as: 'message' | 'answer',
  name: string,
  sentence: string,
  value: Fields | Uint8Array,
): Named {
  const bytes = hex(value instanceof Uint8Array ? value : encode(value))
  const of = `${protocol} ${as}`
  return { protocol, name: `refused-${name}`, vector: { sentence, of, bytes, fault: 'invalid' } }
}

const helloVectors = (): Named[] => [
  good('hello', 'message', 'message', 'A site says where it is now.', about),
  good('hello', 'message', 'nowhere', 'A site that only dials has no address to tell.', {
    ...about,
    addresses: [],
  }),
  good('hello', 'message', 'name-of-100', 'A name may have 100 characters, whatever they weigh.', {
    ...about,
    name: '京'.repeat(100),
  }),
  good('hello', 'message', 'sixteen-addresses', 'Sixteen addresses of 256 bytes are the most.', {
    ...about,
    addresses: Array.from(
      { length: 16 },
      (_, i) => `/dns4/${String(i).padStart(3, '0')}${'a'.repeat(247)}`,
    ),
  }),
  good('hello', 'message', 'newer', 'What a newer side adds is ignored.', about, { mood: 'fine' }),
  good('hello', 'answer', 'answer', 'The answer of a site that knows the asker.', {
    known: true,
    ...about,
  }),
  bad('hello', 'answer', 'unknown', 'Whoever does not know the asker does not answer at all.', {
    known: false,
    ...about,
  }),
  bad('hello', 'message', 'bidi-name', 'A name must not turn the text around it.', {
    ...about,
    name: 'Oslo\u202eyrtemotyC',
  }),
  bad('hello', 'message', 'decomposed-name', 'A name is in NFC, so that it has one spelling.', {
    ...about,
    name: 'Zu\u0308rich',
  }),
  bad('hello', 'message', 'seventeen-addresses', 'One address too many.', {
    ...about,
    addresses: Array.from({ length: 17 }, (_, i) => `/ip4/192.0.2.${i}/tcp/1`),
  }),
  bad('hello', 'message', 'long-address', 'An address of 257 bytes.', {
    ...about,
    addresses: [`/${'a'.repeat(256)}`],
  }),
  bad(
    'hello',
    'message',
    'trailing-byte',
    'One value and nothing behind it.',
    joined(encode(about), Uint8Array.of(0)),
  ),
]

const linkVectors = async (): Promise<Named[]> => [
  good('link', 'message', 'ask', 'A site without an invitation asks.', ask),
  good('link', 'message', 'redeem', 'A site with an invitation asks and is accepted.', {
    ...ask,
    secret,
  }),
  good('link', 'message', 'tell', 'A site tells that it has paused the link.', tell),
  good('link', 'answer', 'waits', 'To whom it has not said yes, a site says no more than this.', {
    stance: { is: 'none', changedAt: 0 },
  }),
  good('link', 'answer', 'accepted', 'To whom it has said yes, a site says who it is.', {
    stance: willing,
    name: about.name,
    addresses,
  }),
  good('link', 'message', 'newer', 'What a newer side adds is ignored.', tell, {
    reason: 'moving house',
  }),
  await goodText(
    'invitation',
    'Everything that forms a link at once.',
    await formatInvitation(invitation),
    invitation,
  ),
  await goodText(
    'invitation-mailed',
    'Capitals, line breaks and quoting marks of a mail do not matter.',
    (await formatInvitation(invitation)).toUpperCase().replaceAll(/(.{60})/g, '$1\r\n> '),
    invitation,
  ),
  bad('link', 'message', 'unknown-type', 'A message of no known type.', { ...ask, type: 'demand' }),
  bad('link', 'message', 'ask-unwilling', 'Whoever asks is willing.', {
    ...ask,
    stance: { is: 'paused', changedAt: 1 },
  }),
  bad('link', 'message', 'short-secret', 'A secret has 16 bytes.', {
    ...ask,
    secret: secret.slice(1),
  }),
  bad('link', 'message', 'fraction', 'An instant is a whole number.', {
    ...ask,
    stance: { is: 'willing', changedAt: 1.5 },
  }),
  bad(
    'link',
    'message',
    'unsorted',
    'The keys of a map have one order; here "type" stands before "name".',
    unsorted(),
  ),
  bad('link', 'message', 'over-cap', 'Over 2,048 bytes nothing is decoded.', {
    ...ask,
    padding: 'x'.repeat(2048),
  }),
  badText(
    'invitation-changed',
    'One letter is not what it was.',
    (await formatInvitation(invitation)).replace(/.(?=.{20}$)/, (c) => (c === 'a' ? 'b' : 'a')),
  ),
  badText(
    'invitation-nowhere',
    'An invitation names at least one address.',
    await sealed({ ...invitation, addresses: [] }),
  ),
]

const connectionVectors = (): Named[] => [
  good('connection', 'message', 'ask', 'A person asks a person at a linked site.', {
    type: 'ask',
    ...people,
    stance: willing,
  }),
  good('connection', 'message', 'ask-self', 'The same address at both sites is as good as any.', {
    type: 'ask',
    ...people,
    to: people.from,
    stance: willing,
  }),
  good('connection', 'message', 'tell', 'A person has taken it back.', {
    type: 'tell',
    ...people,
    stance: { is: 'removed', changedAt: 1_767_225_600_001 },
  }),
  good(
    'connection',
    'message',
    'newer',
    'What a newer side adds is ignored.',
    { type: 'tell', ...people, stance: willing },
    { mood: 'fine' },
  ),
  good('connection', 'answer', 'waits', 'The other person has not answered yet.', {
    stance: { is: 'none', changedAt: 0 },
  }),
  good('connection', 'answer', 'accepted', 'The other person is willing, and has a name.', {
    stance: willing,
    name: 'Ken',
  }),
  bad(
    'connection',
    'message',
    'capitals',
    'An address is in small letters, so that it has one spelling.',
    { type: 'ask', ...people, to: 'Ken@lab.example', stance: willing },
  ),
  bad(
    'connection',
    'message',
    'two-ats',
    'An address has one @, because EMAIL@ALIAS is split at the last.',
    { type: 'ask', ...people, to: 'ken@lab@example', stance: willing },
  ),
  bad('connection', 'message', 'no-name', 'Whoever asks has a name.', {
    type: 'ask',
    from: people.from,
    to: people.to,
    stance: willing,
  }),
  bad('connection', 'message', 'paused', 'A connection knows no pause.', {
    type: 'tell',
    ...people,
    stance: { is: 'paused', changedAt: 1 },
  }),
  bad('connection', 'answer', 'too-late', 'An instant is below 2^53.', {
    stance: { is: 'willing', changedAt: 2n ** 53n },
  }),
  bad(
    'connection',
    'answer',
    'bad-utf8',
    'Text is UTF-8: here the name is the single byte ff.',
    replaced(encode({ stance: willing, name: '~' }), 0x7e, 0xff),
  ),
]

const promise = {
  type: 'lane',
  addresses: ['192.0.2.7:4602', '[2001:db8::7]:4602', 'lanes.oslo.example:443', '*:4602'],
  ticket: secret,
  key: Uint8Array.from({ length: 32 }, (_, i) => 255 - i),
  ttlMs: 20_000,
}

const { type: _lane, ...back } = promise

const laneVectors = (): Named[] => [
  good('lane', 'message', 'message', 'A site asks for a lane for content.', {
    protocol: '/crossload/content/1.0.0',
  }),
  good(
    'lane',
    'message',
    'newer',
    'What a newer side adds is ignored.',
    { protocol: '/crossload/content/1.0.0' },
    { lanes: 4 },
  ),
  good('lane', 'message', 'message-back', 'Or the other site may dial here.', {
    protocol: '/crossload/content/1.0.0',
    back,
  }),
  good('lane', 'answer', 'answer-back', 'It has dialled, and the lane is there.', { type: 'back' }),
  good('lane', 'answer', 'promise', 'Where, and with which ticket and key.', promise),
  good('lane', 'answer', 'none', 'No lane is offered.', { type: 'none' }),
  pieces(
    'pieces',
    'Two pieces and the end.',
    '00000003616263' + '0000000164' + '00000000',
    '61626364',
  ),
  pieces('pieces-none', 'Nothing was said, and the end.', '00000000', ''),
  bad('lane', 'message', 'no-protocol', 'Whoever asks says for what.', {}),
  bad('lane', 'message', 'back-nowhere', 'A promise names a place, whoever makes it.', {
    protocol: '/crossload/content/1.0.0',
    back: { ...back, addresses: [] },
  }),
  bad('lane', 'answer', 'no-address', 'A promise names a place.', { ...promise, addresses: [] }),
  bad('lane', 'answer', 'address-path', 'An address is HOST:PORT and nothing behind it.', {
    ...promise,
    addresses: ['oslo.example:443/x'],
  }),
  bad('lane', 'answer', 'address-port', 'A port is below 65,536.', {
    ...promise,
    addresses: ['192.0.2.7:65536'],
  }),
  bad('lane', 'answer', 'short-key', 'A key has 32 bytes.', { ...promise, key: secret }),
  bad('lane', 'answer', 'for-ever', 'A promise is void after 60 seconds.', {
    ...promise,
    ttlMs: 60_001,
  }),
  badPieces('after-end', 'Nothing follows the end.', '00000000' + '0000000161', 'invalid'),
  badPieces('long-piece', 'A piece has 2^24 bytes at most.', '01000001', 'invalid'),
  badPieces(
    'no-end',
    'A socket that ends before its direction was cut.',
    '0000000161',
    'unreachable',
  ),
]

/** One direction of a lane. */
function pieces(name: string, sentence: string, bytes: string, value: string): Named {
  return {
    protocol: 'lane',
    name,
    vector: { sentence, of: 'lane pieces', bytes, value: { bytes: value } },
  }
}

function badPieces(
  name: string,
  sentence: string,
  bytes: string,
  fault: 'invalid' | 'unreachable',
): Named {
  const vector = { sentence, of: 'lane pieces', bytes, fault }
  return { protocol: 'lane', name: `refused-${name}`, vector }
}

/** By file name, within this folder. */
export async function siteVectors(): Promise<Map<string, SiteVector>> {
  const all = [
    ...helloVectors(),
    ...(await linkVectors()),
    ...connectionVectors(),
    ...laneVectors(),
  ]
  return new Map(all.map(({ protocol, name, vector }) => [`${protocol}/${name}.json`, vector]))
}

async function goodText(
  name: string,
  sentence: string,
  text: string,
  value: Fields,
): Promise<Named> {
  const bytes = hex(Buffer.from(text))
  const vector = { sentence, of: 'invitation', bytes, value: toJson(value) }
  return { protocol: 'link', name, vector }
}

function badText(name: string, sentence: string, text: string): Named {
  const bytes = hex(Buffer.from(text))
  const vector = { sentence, of: 'invitation', bytes, fault: 'invalid' } as const
  return { protocol: 'link', name: `refused-${name}`, vector }
}

/** An invitation whose check fits, whatever it says. */
async function sealed(value: Fields): Promise<string> {
  const bytes = encode(value)
  const { digest } = await sha256.digest(bytes)
  return `crossload1${base32.baseEncode(joined(bytes, digest.slice(0, 8)))}`
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function replaced(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return bytes.map((byte) => (byte === from ? to : byte))
}

/** The first two keys of a canonical ask, exchanged. */
function unsorted(): Uint8Array {
  const first = encode('name')
  const second = encode('type')
  const { name, type, ...rest } = ask
  const tail = encode(rest).subarray(1)
  return joined(Uint8Array.of(0xa4), second, encode(type), first, encode(name), tail)
}

export function fileOf(vector: SiteVector): string {
  return `${JSON.stringify(vector, null, 2)}\n`
}

if (import.meta.main) {
  for (const protocol of protocols) {
    const folder = join(import.meta.dirname, protocol)
    await mkdir(folder, { recursive: true })
    for (const name of await readdir(folder)) await rm(join(folder, name))
  }
  for (const [name, vector] of await siteVectors()) {
    await writeFile(join(import.meta.dirname, name), fileOf(vector))
  }
}
