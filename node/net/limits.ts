/**
 * Every bound of this room, with its unit. What the library bounds badly or not at all is bounded by
 * us; the comment says which.
 */

const kib = 1024
const mib = 1024 * kib

export const limits = {
  /** Connections from outside at one time, all together. */
  connectionsMax: 128,
  /** Of these, how many may belong to sites that are not accepted: the rest is kept for those that are. */
  strangerConnectionsMax: 64,
  /** Connections from outside for one site: control and bulk, twice because both sides may dial at once. */
  connectionsPerSiteMax: 4,
  connectionsPerStrangerMax: 2,
  /** Connections that we dial come on top; the library's own pruning must never have to choose. */
  dialledConnectionsMax: 128,
  /** A stranger comes to ask one thing; then its place is given to the next. In milliseconds. */
  strangerStayMs: 60_000,
  /** Bytes that one stranger may send over one connection before it is closed. */
  strangerBytesMax: 2 * mib,

  /** Connections that have not proved a key yet: all, and those from hosts we do not know. */
  pendingMax: 256,
  pendingUnknownMax: 192,
  /** The same for one address, and for one that accepted sites are known to use. */
  pendingPerHostMax: 16,
  pendingPerKnownHostMax: 128,
  /** The time to prove a key once the library sees the connection, and for all before and after it. */
  upgradeMs: 3_000,
  pendingMs: 6_000,
  /** New connections from one address: so many at once, then one after each of these. */
  hostBurst: 8,
  hostEveryMs: 200,
  /** The same for one /24 (IPv4) or /64 (IPv6). */
  prefixBurst: 32,
  prefixEveryMs: 50,
  /** Addresses whose rate is remembered. */
  hostsMax: 4096,
  /** Hosts remembered as used by accepted sites. */
  knownHostsMax: 1024,
  /** Sockets that one listener holds at most, silent ones included. */
  socketsMax: 512,

  /** One dial of one site, all its addresses together, and one of these. */
  dialMs: 15_000,
  addressMs: 6_000,
  addressesMax: 16,
  /** After a failed dial of a second connection, how long the one there is serves for both. */
  bulkRestMs: 60_000,
  /** Agreeing on the protocol of a new stream; on a connection that is at work, behind what is queued. */
  openStreamMs: 10_000,
  openBehindMs: 60_000,
  /** Waiting until one of as many streams as the protocol allows has ended. */
  openWaitMs: 60_000,
  inboundNegotiationMs: 5_000,

  /** Streams of one connection, each direction; those of one protocol are in the handler table. */
  streamsMax: 32,
  /**
   * What a paused stream may still receive is the window granted to it, so the buffer must hold more
   * than a window or the library resets the stream. `assertLimits` checks it at start-up.
   */
  streamWindowBytesMax: 16 * mib,
  readBufferBytesMax: 20 * mib,
  writeBufferBytesMax: 4 * mib,
  /** A muxer frame is buffered until it is whole and the library takes any length: refused above this. */
  muxerFrameBytesMax: 2 * mib,
  /** A longer write is cut: a frame is what one stream takes of the line before the next has a turn. */
  chunkBytes: 256 * kib,
  /** Bytes that wait for their reader: above the first the stream is paused, below the second resumed. */
  queueHighBytes: 1 * mib,
  queueLowBytes: 256 * kib,

  /**
   * Lanes of other sites to us, promised ones included: all, and those of one site. As many transfers move
   * at once between the two; of a long line each takes several.
   */
  lanesMax: 128,
  lanesPerSiteMax: 64,
  /** How long a promise holds: as long as a dial may take, and the answer to reach who dials. */
  lanePromiseMs: 20_000,
  /** How long who wants a lane waits for a promise, and then for each address that was promised. */
  laneAskMs: 5_000,
  laneDialMs: 3_000,
  /** After a lane that could not be had, how long streams are used without asking. */
  laneRestMs: 60_000,
  /** Bytes of one lane that wait for their reader; as many again are with the reader. */
  laneInboxBytes: 512 * kib,
  /** A longer write is cut, so that one lane does not hold up the event loop. */
  laneChunkBytes: 1 * mib,

  /** No byte for so long while someone waits for one: the line counts as dead. */
  idleMs: 60_000,
  /** No room for so long while someone wants to write. Longer: the system's buffers drain unseen. */
  stuckMs: 300_000,
  /** Our side is closed and nobody reads: the stream was forgotten. */
  abandonedMs: 600_000,
  /** What the other side has to close its side of a stream that its handler has finished. */
  lingerMs: 5_000,

  /** What handlers, and then connections, have to end when the site stops. */
  stopHandlersMs: 500,
  closeMs: 300,
} as const

/** What may still come out of TLS after a lane was told to wait: what one read of the socket brought. */
export const laneReserveBytes = 128 * kib

export type Limits = { readonly [Name in keyof typeof limits]: number }

/** Our own mistakes in the table above, found at start-up and not by a stream that breaks. */
export function assertLimits(l: Limits): void {
  const must = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`node/net/limits.ts: ${what}`)
  }
  must(l.readBufferBytesMax > l.streamWindowBytesMax, 'a paused stream would be reset')
  must(l.queueHighBytes > l.queueLowBytes, 'a paused stream would never be resumed')
  must(l.muxerFrameBytesMax > 2 * l.chunkBytes, 'our own frames would be refused')
  must(l.writeBufferBytesMax > 2 * l.chunkBytes, 'our own writes would be refused')
  must(l.laneInboxBytes > 2 * laneReserveBytes, 'a lane would be held up all the time')
  must(l.strangerConnectionsMax < l.connectionsMax, 'strangers could take every place')
  must(l.pendingUnknownMax < l.pendingMax, 'strangers could take every pending place')
}
