/**
 * What a source says and hears of its transfers, apart from content: the offer and its answer, the
 * receipts that end it, and a cancel.
 */
import { createHash } from 'node:crypto'
import type { Bundle, Verifier } from '../../protocol/bundle.ts'
import { signedBytes, treesOf } from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import { asFault, Fault, fromWireFault, toWireFault, type WireFault } from '../../protocol/fault.ts'
import { parseTransferId, type SiteId, type TransferId } from '../../protocol/ids.ts'
import { type OfferAnswer, offerAnswer, offerProtocol } from '../../protocol/offer.ts'
import {
  decodeReceipt,
  type Receipt,
  receiptMessage,
  receiptSignedPrefix,
} from '../../protocol/receipt.ts'
import type { Clock } from '../base/clock.ts'
import type { Book } from './book.ts'
import { isOver, type Transfer, type TransferEvent } from './transfer.ts'

export type OpenChannel = (
  site: SiteId,
  protocol: string,
  options: { signal: AbortSignal; bulk?: boolean },
) => Promise<Channel>

export const bundleHash = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

/** How long an offer's answer may take, in milliseconds: the destination may pull manifests for it. */
export const answerMs = 120_000

export type Offered = {
  bundle: Uint8Array
  signature: Uint8Array
  dest: number
  dry: boolean
  allow: boolean
}

export type SayNeeds = { open: OpenChannel; clock: Clock }

/** One offer, one answer. What the destination refuses is thrown, side `there`. */
export async function sayOffer(
  needs: SayNeeds,
  site: SiteId,
  offer: Offered,
  signal: AbortSignal,
): Promise<OfferAnswer> {
  return converse(needs, site, signal, { type: 'offer', ...offer })
}

/** Tells the destination that the transfer was cancelled, or has failed, here. */
export async function sayCancel(
  needs: SayNeeds,
  site: SiteId,
  transfer: TransferId,
  signal: AbortSignal,
): Promise<void> {
  await converse(needs, site, signal, { type: 'cancel', transfer })
}

async function converse(needs: SayNeeds, site: SiteId, signal: AbortSignal, message: unknown) {
  const channel = await needs.open(site, offerProtocol, { signal })
  const late = new AbortController()
  using _deadline = needs.clock.after(answerMs, () => late.abort(unanswered()))
  const bounded = AbortSignal.any([signal, late.signal])
  try {
    await channel.send(message, undefined, { signal: bounded })
    const { message: answer } = await channel.receive(offerAnswer, { signal: bounded })
    await channel.close()
    return answer
  } catch (thrown) {
    const fault = asFault(thrown, 'offer.send')
    channel.abort(fault)
    throw fault
  }
}

function unanswered(): Fault {
  return new Fault('unreachable', 'offer.send', {
    side: 'there',
    text: 'The destination took too long to answer. It is asked again.',
  })
}

/** The event that the answer to an offer makes. */
export function eventOfAnswer(answer: OfferAnswer): TransferEvent {
  return answer.type === 'parked' ? { type: 'parked' } : { type: 'accepted' }
}

export type OutgoingNeeds = {
  book: Book
  verify: Verifier
}

/** Answers `/crossload/receipt`: nothing is believed that the destination did not sign for this very bundle. */
export async function hearReceipt(
  needs: OutgoingNeeds,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const { message } = await channel.receive(receiptMessage, { signal })
  if (message.type === 'ended') {
    const transfer = await ours(needs.book, parseTransferId(message.transfer), channel.remote)
    const fault = message.fault as WireFault | undefined
    if (message.state === 'cancelled') {
      await needs.book.apply(transfer.id, { type: 'cancel', by: 'there' }, { site: channel.remote })
    } else {
      const known =
        fault ?? toWireFault(new Fault('internal', 'transfers.ended', { side: 'there' }))
      const event = {
        type: 'failed',
        fault: toWireFault(fromWireFault(known)),
        by: 'there',
      } as const
      await needs.book.apply(transfer.id, event, { site: channel.remote })
    }
  } else await keepReceipt(needs, channel.remote, message.receipt, message.signature)
  await channel.send({ type: 'kept' }, undefined, { signal })
  await channel.close()
}

async function keepReceipt(
  needs: OutgoingNeeds,
  from: SiteId,
  bytes: Uint8Array,
  signature: Uint8Array,
) {
  const receipt = decodeReceipt(bytes)
  const transfer = await ours(needs.book, parseTransferId(receipt.transfer), from)
  const { bundle } = await needs.book.bundle(transfer.id)
  const signed = await needs.verify(from, signedBytes(receiptSignedPrefix, bytes), signature)
  if (!signed || !fits(receipt, transfer, bundle, from)) {
    throw new Fault('denied', 'receipt.keep', {
      about: transfer.id,
      side: 'there',
      text: 'This receipt is not signed for what was sent.',
    })
  }
  const kept = {
    bytes: Buffer.from(bytes).toString('base64'),
    signature: Buffer.from(signature).toString('base64'),
  }
  const workflows = receipt.workflows.map(({ id, version }) => ({ id, version }))
  const event: TransferEvent =
    receipt.kind === 'received'
      ? { type: 'received', receipt: kept }
      : { type: 'imported', receipt: kept, dataset: receipt.dataset, workflows }
  const known = transfer.receipts.some((one) => one.bytes === kept.bytes)
  if (!known) await needs.book.apply(transfer.id, event, { site: from })
}

/** Whether the receipt speaks of this transfer, between these sites, with these roots and counts. */
function fits(receipt: Receipt, transfer: Transfer, bundle: Bundle, from: SiteId): boolean {
  const trees = treesOf(bundle)
  return (
    receipt.destination === from &&
    receipt.source === bundle.from.site &&
    receipt.bundle === transfer.bundle &&
    receipt.trees.length === trees.length &&
    trees.every((tree, i) => {
      const held = receipt.trees[i]!
      return held.root === tree.root && held.files === tree.files && held.bytes === tree.bytes
    }) &&
    (receipt.kind === 'received'
      ? receipt.dataset === undefined && receipt.workflows.length === 0
      : (receipt.dataset !== undefined) === (bundle.dataset !== undefined) &&
        receipt.workflows.length === bundle.workflows.length &&
        receipt.workflows.every(({ source }, i) => source === bundle.workflows[i]!.id))
  )
}

/** A transfer from here to that site; anybody else's looks exactly as if there were none. */
async function ours(book: Book, id: TransferId, site: SiteId): Promise<Transfer> {
  const transfer = await book.get(id)
  if (transfer?.direction === 'out' && transfer.site === site) return transfer
  throw new Fault('missing', 'transfers.get', {
    about: id,
    text: 'There is no such transfer between us.',
  })
}

/** The transfer that a content stream may pull from, or the fault that says why not. */
export async function grantOf(
  book: Book,
  id: TransferId,
  site: SiteId,
  at: number,
): Promise<Transfer> {
  const transfer = await ours(book, id, site)
  const { state } = transfer
  if (state.at === 'paused') {
    throw new Fault('busy', 'content.grant', {
      about: id,
      text: 'The source has paused this transfer. It goes on when resumed there.',
    })
  }
  if (isOver(state) || at > transfer.createdAt + transferTtlMs) {
    throw new Fault('gone', 'content.grant', {
      about: id,
      text: `The transfer is over at the source (${state.at}).`,
    })
  }
  return transfer
}

/** A transfer that has not ended after this long ends as failed; it can be sent again. */
export const transferTtlMs = 30 * 24 * 60 * 60 * 1000
