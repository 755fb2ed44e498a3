/**
 * A site in the test process that is linked and accepted like any other, and says whatever the test
 * wants: real keys, real connections, the real protocols, played by hand.
 */
import { createHash } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { z } from 'zod'
import { systemClock } from '../node/base/clock.ts'
import { createEvents, type Events } from '../node/base/events.ts'
import { type Net, openNet } from '../node/net/net.ts'
import {
  type Bundle,
  bundleSignedPrefix,
  encodeBundle,
  signedBytes,
  treesOf,
} from '../protocol/bundle.ts'
import type { Channel } from '../protocol/channel.ts'
import { connectionCaps, connectionMessage, connectionProtocol } from '../protocol/connection.ts'
import {
  contentCaps,
  contentProtocol,
  type NodePlace,
  pullMessage,
  serveMessage,
} from '../protocol/content.ts'
import { Fault } from '../protocol/fault.ts'
import { helloCaps, helloMessage, helloProtocol } from '../protocol/hello.ts'
import { parseSiteId, type SiteId } from '../protocol/ids.ts'
import { parseInvitation } from '../protocol/invitation.ts'
import { linkCaps, linkMessage, linkProtocol } from '../protocol/link.ts'
import { offerAnswer, offerCaps, offerMessage, offerProtocol } from '../protocol/offer.ts'
import {
  type Receipt,
  receiptCaps,
  receiptMessage,
  receiptProtocol,
  receiptSignedPrefix,
} from '../protocol/receipt.ts'
import type { FrameCaps } from '../protocol/wire.ts'
import type { MadeTree } from './made-tree.ts'
import { ana, type Site, within } from './site.ts'

/** How long the other side may take over one answer, in milliseconds. */
const answerMs = 30_000

type Offer = Omit<
  Extract<z.infer<typeof offerMessage>, { type: 'offer' }>,
  'bundle' | 'signature'
> & {
  bundle: Uint8Array
  signature: Uint8Array
}
type Ended = Extract<z.infer<typeof receiptMessage>, { type: 'ended' }>
type End = Extract<z.infer<typeof serveMessage>, { type: 'end' }>

/** What a guest serves under one transfer, and where it departs from what it said. */
export type Served = {
  trees: readonly MadeTree[]
  node?: (place: NodePlace, honest: Uint8Array) => Uint8Array
  block?: (path: string, index: number, honest: Uint8Array) => Uint8Array
  /** Before anything is answered. */
  first?: () => Promise<void>
  /** Instead of the answer to the first want of blocks. */
  instead?: (channel: Channel) => Promise<void>
  end?: (honest: End) => End
}

export type GuestNews =
  | { type: 'offer'; offer: Offer }
  | { type: 'ended'; ended: Ended }
  | { type: 'receipt'; receipt: Uint8Array; signature: Uint8Array }

/** A refusal that came back in words. */
export type Refusal = { protocol: string; kind: string; op: string; text: string }

export interface Guest extends AsyncDisposable {
  readonly site: SiteId
  readonly net: Net
  /** Its person. */
  readonly email: string
  readonly news: Events<GuestNews>
  /** By transfer. */
  readonly serves: Map<string, Served>
  /** What it answers to an offer, instead of `accepted`. */
  answers: ((offer: Offer) => Promise<unknown>) | undefined
  /** Every refusal that it ever got, in order. */
  readonly refusals: Refusal[]
  sign(prefix: string, bytes: Uint8Array): Promise<Uint8Array>
  open(protocol: string): Promise<Channel>
  /** A stream on which one thing is said; resolves with the answer, or rejects with the refusal. */
  say<S extends z.ZodType>(protocol: string, message: unknown, answer: S): Promise<z.infer<S>>
  /** The refusal that this ends in, noted; fails the test when it ends otherwise. */
  refused(protocol: string, run: Promise<unknown>): Promise<Refusal>
  offerOf(bundle: Bundle, more?: Partial<Offer>): Promise<Offer>
  offer(bundle: Bundle, more?: Partial<Offer>): Promise<z.infer<typeof offerAnswer>>
  /** A bundle from its person to Ana, about these trees. */
  bundle(tree: MadeTree['tree'] | undefined, more?: Partial<Bundle>): Bundle
  /** A pull of a transfer, opened. */
  pull(transfer: string): Promise<Pull>
  /** Of an import that went well, unless told otherwise. `dataset: null` leaves it out. */
  receiptOf(of: { transfer: string; bundle: Uint8Array }, more?: Told): Receipt
}

type Told = Partial<Omit<Receipt, 'dataset'>> & { dataset?: Receipt['dataset'] | null }

export interface Pull {
  /** Sends a want and takes all that answers it. */
  want(nodes: Partial<NodePlace>[], blocks?: number[][]): Promise<Uint8Array[]>
  send(message: unknown): Promise<void>
  receive(): Promise<z.infer<typeof serveMessage>>
  end(): void
}

const sha256Hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
export const anyTransfer = () => Buffer.from(systemClock.random(16)).toString('hex')

/** Redeems an invitation of the host, and connects its person with Ana there. */
export async function openGuest(host: Site, name: string): Promise<Guest> {
  const key = await generateKeyPair('Ed25519')
  const site = parseSiteId(peerIdFromPrivateKey(key).toString())
  const email = `${name}@${name}.example`
  const startedAt = Date.now()
  const news = createEvents<GuestNews>()
  const serves = new Map<string, Served>()
  const refusals: Refusal[] = []
  const willing = { is: 'willing', changedAt: startedAt } as const

  const answering = <S extends z.ZodType>(
    protocol: string,
    caps: FrameCaps,
    asked: S,
    answer: (message: z.infer<S>) => unknown,
  ) => ({
    ...{ protocol, caps, strangers: false, streamsMax: 8, firstMessageMs: 10_000 },
    async run(channel: Channel) {
      const { message } = await channel.receive(asked)
      await channel.send(await answer(message as z.infer<S>))
      await channel.close()
    },
  })
  const me = () => ({ name, addresses: net.addresses() })
  const net: Net = await openNet({
    identity: { site, privateKey: key },
    clock: systemClock,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    log: { debug() {}, warn() {}, error() {} },
    isAccepted: () => true,
    isRefused: () => false,
    handlers: [
      answering(linkProtocol, linkCaps, linkMessage, () => ({ stance: willing, ...me() })),
      answering(helloProtocol, helloCaps, helloMessage, () => ({
        ...{ known: true, speaks: [] },
        ...me(),
      })),
      answering(connectionProtocol, connectionCaps, connectionMessage, () => ({
        stance: willing,
        name,
      })),
      answering(offerProtocol, offerCaps, offerMessage, (message) => {
        if (message.type !== 'offer') return { type: 'heard' }
        news.emit({ type: 'offer', offer: message })
        return guest.answers?.(message) ?? { type: 'accepted' }
      }),
      answering(receiptProtocol, receiptCaps, receiptMessage, (message) => {
        if (message.type === 'ended') news.emit({ type: 'ended', ended: message })
        else news.emit(message)
        return { type: 'kept' }
      }),
      {
        ...{ protocol: contentProtocol, caps: contentCaps, strangers: false, bulk: true },
        ...{ streamsMax: 8, firstMessageMs: 10_000 },
        run: (channel: Channel) => serve(channel, serves),
      },
    ],
  })

  const { invitation } = await host.admin.call('links.invite', {})
  const { site: hostSite, addresses, secret } = await parseInvitation(invitation)
  const to = { site: hostSite, addresses }

  async function say<S extends z.ZodType>(protocol: string, message: unknown, answer: S) {
    const channel = await net.open(to, protocol)
    try {
      await channel.send(message)
      return (await within(channel.receive(answer), answerMs, `${protocol} was not answered`))
        .message
    } finally {
      channel.close().catch(() => {})
    }
  }

  const ask = { type: 'ask', ...me(), stance: willing, secret }
  await say(linkProtocol, ask, anyAnswer)
  const atHost = await host.as(ana)
  const people = { from: email, to: ana, name }
  await say(connectionProtocol, { type: 'ask', ...people, stance: willing }, anyAnswer)
  const asked = (await atHost.call('connections.list', {})).find(({ person }) => person === email)
  await atHost.call('connections.accept', { id: asked!.id })

  const guest: Guest = {
    ...{ site, net, email, news, serves, refusals, say, answers: undefined },
    sign: async (prefix, bytes) => await key.sign(signedBytes(prefix, bytes)),
    open: (protocol) => net.open(to, protocol),
    async refused(protocol, run) {
      const end: unknown = await run.then(
        (answer) => answer,
        (thrown) => thrown,
      )
      if (!(end instanceof Fault) || end.side !== 'there')
        throw new Error('It was not refused in words.', { cause: end })
      const refusal = { protocol, kind: end.kind, op: end.op, text: end.message }
      refusals.push(refusal)
      return refusal
    },
    async offerOf(bundle, more = {}) {
      const bytes = more.bundle ?? encodeBundle(bundle)
      const signature = await guest.sign(bundleSignedPrefix, bytes)
      const plain = { type: 'offer', dest: 0, dry: false, allow: false } as const
      return { ...plain, bundle: bytes, signature, ...more }
    },
    offer: async (bundle, more = {}) =>
      say(offerProtocol, await guest.offerOf(bundle, more), offerAnswer),
    bundle: (tree, more) => ({
      v: 1,
      transfer: anyTransfer(),
      from: { site, person: email },
      to: { site: hostSite, person: ana },
      createdAt: Date.now(),
      ...(tree && {
        dataset: { id: 7, version: 1, name: 'Gift', meta: {}, tree, part: false },
      }),
      workflows: [],
      ...more,
    }),
    async pull(transfer) {
      const channel = await net.open(to, contentProtocol)
      await channel.send({ type: 'open', transfer })
      const end = () => channel.abort(new Fault('gone', 'test.end'))
      const receive = async () => {
        try {
          return await within(channel.receive(serveMessage), answerMs, 'the source fell silent')
        } catch (thrown) {
          end()
          throw thrown
        }
      }
      await receive()
      return {
        async want(nodes, blocks = []) {
          const full = nodes.map((node) => ({ tree: 0, page: 0, entry: 0, list: 0, ...node }))
          await channel.send({ type: 'want', nodes: full, blocks })
          let open = full.length + blocks.reduce((sum, place) => sum + Math.max(1, place[4]!), 0)
          const bodies: Uint8Array[] = []
          while (open > 0) {
            const { message, body } = await receive()
            open -= message.type === 'blocks' ? message.of.length : 1
            bodies.push(body)
          }
          return bodies
        },
        send: (message) => channel.send(message),
        receive: async () => (await receive()).message,
        end,
      }
    },
    receiptOf: ({ transfer, bundle }, { dataset = { id: 70, version: 1 }, ...more } = {}) => ({
      v: 1,
      kind: 'imported',
      transfer,
      source: hostSite,
      destination: site,
      at: Date.now(),
      bundle: sha256Hex(bundle),
      trees: [],
      ...(dataset && { dataset }),
      workflows: [],
      ...more,
    }),
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  }
  return guest
}

export const anyAnswer = z.unknown()

/** The source's side of the content protocol, honest unless told otherwise. */
async function serve(channel: Channel, serves: ReadonlyMap<string, Served>): Promise<void> {
  const first = await channel.receive(pullMessage)
  const served = first.message.type === 'open' && serves.get(first.message.transfer)
  if (!served) throw new Fault('missing', 'guest.serve')
  await served.first?.()
  await channel.send({ type: 'opened' })
  const sent = { nodes: 0, blocks: 0, bytes: 0 }
  for (;;) {
    const { message } = await channel.receive(pullMessage)
    if (message.type === 'finish') break
    if (message.type === 'open') throw new Fault('invalid', 'guest.serve')
    for (const place of message.nodes) {
      const honest = served.trees[place.tree]!.node(place)
      await channel.send({ type: 'node' }, served.node?.(place, honest) ?? honest)
      sent.nodes++
    }
    if (message.blocks.length > 0 && served.instead) return served.instead(channel)
    for (const place of message.blocks) {
      const [tree, page, entry, index] = place
      const { path, bytes: honest } = served.trees[tree]!.block(page, entry, index)
      const body = served.block?.(path, index, honest) ?? honest
      await channel.send({ type: 'blocks', of: [place] }, body)
      sent.blocks++
      sent.bytes += honest.byteLength
    }
  }
  const roots = served.trees.map(({ tree }) => tree.root)
  const honest = { type: 'end' as const, ...sent, roots }
  await channel.send(served.end?.(honest) ?? honest)
  await channel.close()
}

/** What a destination says it holds when it holds all of this bundle. */
export function wholeTrees(bundle: Bundle): Receipt['trees'] {
  return treesOf(bundle).map(({ root, files, bytes }) => ({ root, files, bytes }))
}

export async function signedReceipt(guest: Guest, receipt: Uint8Array) {
  const signature = await guest.sign(receiptSignedPrefix, receipt)
  return { type: 'receipt' as const, receipt, signature }
}
