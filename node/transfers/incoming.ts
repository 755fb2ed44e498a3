/**
 * What a destination hears and says of transfers, apart from content: offers and what it makes of
 * them, and how they ended.
 */

import {
  type Bundle,
  bundleSignedPrefix,
  decodeBundle,
  type Signer,
  signedBytes,
  treesOf,
  type Verifier,
} from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import { asFault, Fault, fromWireFault } from '../../protocol/fault.ts'
import {
  type ConnectionId,
  parseEmail,
  parseTransferId,
  type SiteId,
  type UserId,
} from '../../protocol/ids.ts'
import {
  type BindingRow,
  bindingRowsMax,
  type OfferMessage,
  offerMessage,
} from '../../protocol/offer.ts'
import {
  encodeReceipt,
  type Receipt,
  receiptAnswer,
  receiptProtocol,
  receiptSignedPrefix,
} from '../../protocol/receipt.ts'
import type { Clock } from '../base/clock.ts'
import type { Proposed } from '../bundles/unpack.ts'
import type { Commit } from '../journal/commit.ts'
import type { Book } from './book.ts'
import { bundleHash, type OpenChannel } from './outgoing.ts'
import type { Count } from './receive.ts'
import { isOver, type KeptReceipt, type Transfer } from './transfer.ts'

export type IncomingNeeds = {
  me: SiteId
  book: Book
  clock: Clock
  commit: Commit
  sign: Signer
  verify: Verifier
  open: OpenChannel
  /** The accepted connection of these two people; faults `missing`. */
  recipient(
    site: SiteId,
    person: string,
    email: string,
  ): Promise<{ connection: ConnectionId; user: UserId }>
  /** Whether it can be taken as offered: rights, dataset ID, binding. Faults say what does not fit. */
  examine(bundle: Bundle, dest: number, user: UserId, allow: boolean): Promise<BindingRow[]>
  /** The import as values; called under the commit's serial, changes nothing. */
  propose(bundle: Bundle, transfer: Transfer): Promise<Proposed>
  /** What of a bundle's trees is not held yet. Pulls manifests, keeps nothing that is listed. */
  count(bundle: Bundle, site: SiteId, signal: AbortSignal): Promise<Count>
  /** Something happened to this transfer that its driver should look at. */
  wake(transfer: Transfer): void
}

export async function hearOffer(
  needs: IncomingNeeds,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const { message } = await channel.receive(offerMessage, { signal })
  const answer =
    message.type === 'offer'
      ? await weigh(needs, channel, message, signal)
      : await obey(needs, channel, message)
  await channel.send(answer, undefined, { signal })
  await channel.close()
}

async function weigh(
  needs: IncomingNeeds,
  channel: Channel,
  message: OfferMessage & { type: 'offer' },
  signal: AbortSignal,
): Promise<unknown> {
  const bundle = decodeBundle(message.bundle)
  await checkSender(needs, channel, bundle, message)
  const id = parseTransferId(bundle.transfer)
  const hash = bundleHash(message.bundle)
  const known = await needs.book.get(id)
  if (known !== undefined) return again(needs, known, channel.remote, hash)
  await checkRoom(needs, channel.remote)
  const { connection, user } = await needs.recipient(
    channel.remote,
    bundle.from.person,
    bundle.to.person,
  )
  const binding = await needs.examine(bundle, message.dest, user, message.allow)
  if (message.dry) {
    const count = await needs.count(bundle, channel.remote, signal)
    return { type: 'counted', ...count, binding: fitting(binding) }
  }
  const at = needs.clock.now()
  const transfer: Transfer = {
    id,
    direction: 'in',
    site: channel.remote,
    connection,
    user,
    email: parseEmail(bundle.to.person),
    person: parseEmail(bundle.from.person),
    dest: message.dest,
    allow: message.allow,
    bundle: hash,
    createdAt: at,
    since: at,
    state: { at: 'moving' },
    receipts: [],
    workflows: [],
    theirDataset: bundle.dataset && { id: bundle.dataset.id, version: bundle.dataset.version },
    theirWorkflows: bundle.workflows.map(({ id: theirs, version }) => ({ id: theirs, version })),
    told: false,
  }
  const signature = Buffer.from(message.signature).toString('base64')
  try {
    await needs.book.make(transfer, { bundle, signature }, { site: channel.remote })
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.kind !== 'exists') throw thrown
    // The same offer came twice at once, and the other one was quicker.
    return again(needs, await needs.book.need(id), channel.remote, hash)
  }
  needs.wake(transfer)
  return { type: 'accepted' }
}

/** What of a report fits an answer: first what is not simply matched. Bytes as JSON, about. */
const reportBytesMax = 512 * 1024

function fitting(rows: readonly BindingRow[]): BindingRow[] {
  const odd = rows.filter((row) => row.state !== 'matched')
  const shown: BindingRow[] = []
  let bytes = 0
  for (const row of [...odd, ...rows.filter((one) => one.state === 'matched')]) {
    bytes += Buffer.byteLength(JSON.stringify(row))
    if (bytes > reportBytesMax || shown.length >= bindingRowsMax) break
    shown.push(row)
  }
  return shown
}

/** Transfers of one site that may be on their way in at one time; each may pull. */
export const arrivingMax = 64

/** Faults `busy` while there are so many that the rest had better wait at the source. */
async function checkRoom({ book }: IncomingNeeds, site: SiteId): Promise<void> {
  const arriving = (await book.unfinished()).filter(
    (one) => one.direction === 'in' && one.site === site && !isOver(one.state),
  )
  if (arriving.length < arrivingMax) return
  throw new Fault('busy', 'offer.room', {
    text: `${arriving.length} transfers from this site are still on their way here. It is offered again when some have ended.`,
  })
}

async function checkSender(
  needs: IncomingNeeds,
  channel: Channel,
  bundle: Bundle,
  message: OfferMessage & { type: 'offer' },
): Promise<void> {
  const signed = await needs.verify(
    channel.remote,
    signedBytes(bundleSignedPrefix, message.bundle),
    message.signature,
  )
  if (signed && bundle.from.site === channel.remote && bundle.to.site === needs.me) return
  throw new Fault('denied', 'offer.check', {
    side: 'there',
    text: 'The bundle is not signed by the site that offers it, or is meant for another site.',
  })
}

/** The same offer once more changes nothing; another bundle under a known id is refused. */
async function again(
  needs: IncomingNeeds,
  known: Transfer,
  site: SiteId,
  hash: string,
): Promise<unknown> {
  if (known.direction !== 'in' || known.site !== site || known.bundle !== hash) {
    throw new Fault('conflict', 'offer.check', {
      about: known.id,
      side: 'there',
      text: 'This transfer ID was already used for something else. Send again as a new transfer.',
    })
  }
  if (known.state.at === 'failed') throw fromWireFault(known.state.fault, 'here')
  if (known.state.at === 'cancelled') {
    throw new Fault('gone', 'offer.check', {
      about: known.id,
      text: 'This transfer was cancelled. Send again as a new transfer.',
    })
  }
  needs.wake(known)
  return { type: 'accepted' }
}

async function obey(
  needs: IncomingNeeds,
  channel: Channel,
  message: OfferMessage & { type: 'resume' | 'cancel' },
): Promise<unknown> {
  const id = parseTransferId(message.transfer)
  const known = await needs.book.get(id)
  if (known?.direction === 'in' && known.site === channel.remote) {
    const cancel = { type: 'cancel', by: 'there' } as const
    // Whoever cancels what is over here has not heard how it ended.
    if (message.type === 'resume' || isOver(known.state)) needs.wake(known)
    else await needs.book.apply(id, cancel, { site: channel.remote })
  }
  return { type: 'heard' }
}

/** Signs what is now held, or what it has become. */
export async function makeReceipt(
  needs: Pick<IncomingNeeds, 'me' | 'sign' | 'clock'>,
  transfer: Transfer,
  bundle: Bundle,
  made?: Proposed,
): Promise<KeptReceipt> {
  const receipt: Receipt = {
    v: 1,
    kind: made === undefined ? 'received' : 'imported',
    transfer: transfer.id,
    source: transfer.site,
    destination: needs.me,
    at: needs.clock.now(),
    bundle: transfer.bundle,
    trees: treesOf(bundle).map(({ root, files, bytes }) => ({ root, files, bytes })),
    ...(made?.dataset === undefined ? {} : { dataset: made.dataset }),
    workflows: made?.workflows ?? [],
  }
  const bytes = encodeReceipt(receipt)
  const signature = await needs.sign(signedBytes(receiptSignedPrefix, bytes))
  return {
    bytes: Buffer.from(bytes).toString('base64'),
    signature: Buffer.from(signature).toString('base64'),
  }
}

/**
 * Makes everything visible in one record. Asking again after it happened changes nothing: the state
 * has moved on, and nothing is saved.
 */
export async function runImport(needs: IncomingNeeds, transfer: Transfer): Promise<Transfer> {
  const { bundle } = await needs.book.bundle(transfer.id)
  return needs.commit.serial(async () => {
    const made = await needs.propose(bundle, transfer)
    const receipt = await makeReceipt(needs, transfer, bundle, made)
    const workflows = made.workflows.map(({ id, version }) => ({ id, version }))
    return needs.book.applyWith(
      transfer.id,
      { type: 'imported', receipt, dataset: made.dataset, workflows },
      (stepped) =>
        needs.commit(
          'transfer.imported',
          { site: transfer.site },
          { ...made.records, transfer: stepped },
        ),
    )
  })
}

/** Tells the source how it ended, until it says that it has kept it. */
export async function tellEnd(
  needs: IncomingNeeds,
  transfer: Transfer,
  signal: AbortSignal,
): Promise<void> {
  const channel = await needs.open(transfer.site, receiptProtocol, { signal })
  try {
    if (transfer.state.at === 'done') {
      const imported = transfer.receipts.at(-1)!
      const receipt = Buffer.from(imported.bytes, 'base64')
      const signature = Buffer.from(imported.signature, 'base64')
      await channel.send({ type: 'receipt', receipt, signature }, undefined, { signal })
    } else await channel.send(endOf(transfer), undefined, { signal })
    await channel.receive(receiptAnswer, { signal })
    await channel.close()
  } catch (thrown) {
    channel.abort(asFault(thrown, 'receipt.tell'))
    throw thrown
  }
}

/** The message of an end that is no success. */
function endOf({ id, state }: Transfer): object {
  if (state.at !== 'failed') return { type: 'ended', transfer: id, state: 'cancelled' }
  const { kind, op, text, list } = state.fault
  const fault = { kind, op, text, ...(list ? { list } : {}) }
  return { type: 'ended', transfer: id, state: 'failed', fault }
}
