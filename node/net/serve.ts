/**
 * Protocol → handler. The one place where a fault becomes bytes for another site: it says why in
 * words, but our own mistakes leave as a reference number only.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { type Channel, createChannel } from '../../protocol/channel.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Handler } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import type { NetCarrier } from './carrier.ts'
import { type Judgement, siteOf } from './gate.ts'
import type { Limits } from './limits.ts'
import { createStreamCarrier } from './stream.ts'

/** What this room writes down; a pino logger fits. */
export type NetLog = {
  debug(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

/** `bulk`: its streams carry content and go over a connection of their own where there is one. */
export type NetHandler = Handler & { readonly bulk?: boolean | undefined }

export type Serving = {
  /** Runs the handler on what came by another way than a stream and was judged there. */
  run(handler: NetHandler, carrier: NetCarrier): void
  /** Interrupts every handler and waits for them, though not long. */
  stop(): Promise<void>
}

export async function serve(
  o: {
    host: Libp2p
    handlers: readonly NetHandler[]
    clock: Clock
    limits: Limits
    log: NetLog
    /** Every stream that another site opened, before it is judged. */
    opened: (connection: Connection, handler: NetHandler) => void
  } & Judgement,
): Promise<Serving> {
  const { clock, limits, log } = o
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()

  async function run(handler: NetHandler, carrier: NetCarrier): Promise<void> {
    const channel = createChannel(carrier, handler.caps)
    const late = clock.after(handler.firstMessageMs, () => carrier.abort(noMessage(handler)))
    const signal = AbortSignal.any([stopping.signal, carrier.failed])
    let said: unknown
    const hears = disarmed(channel, late, (fault) => {
      said = fault
    })
    try {
      await handler.run(hears, { signal })
    } catch (thrown) {
      // Who says why it will not go on needs no answer, least of all its own words.
      if (said === undefined || thrown !== said)
        await answerOrLog(handler, carrier, channel, thrown)
    } finally {
      late[Symbol.dispose]()
      await carrier.finish()
    }
  }

  async function answerOrLog(
    handler: NetHandler,
    carrier: NetCarrier,
    channel: Channel,
    thrown: unknown,
  ): Promise<void> {
    const facts = { protocol: handler.protocol, site: carrier.remote }
    if (stopping.signal.aborted) {
      carrier.abort(new Fault('unreachable', 'net.stop', { text: 'The site is stopping.' }))
      return
    }
    if (carrier.failed.aborted) {
      log.debug({ ...facts, fault: text(thrown) }, 'a stream was cut')
      return
    }
    // A side that does not read cannot be told; it shall not keep its place for that.
    using _late = clock.after(limits.lingerMs, () => carrier.abort(unheard()))
    try {
      await channel.refuse(outward(thrown, facts))
    } catch (failed) {
      log.debug({ ...facts, fault: text(failed) }, 'a refusal did not arrive')
    }
  }

  /** What the other side may know of it. */
  function outward(thrown: unknown, facts: object): Fault {
    const fault = asFault(thrown, 'net.serve')
    if (fault.kind !== 'internal' || fault.told) {
      log.debug({ ...facts, fault: text(fault), op: fault.op }, 'refused')
      return fault
    }
    const reference = Buffer.from(clock.random(5)).toString('hex')
    log.error({ ...facts, reference, err: fault.cause ?? fault }, 'a handler made a mistake')
    return new Fault('internal', fault.op, { about: reference })
  }

  function take(handler: NetHandler, stream: Stream, connection: Connection): void {
    const site = siteOf(connection.remotePeer)
    o.opened(connection, handler)
    if (site === undefined || o.isRefused(site)) {
      connection.abort(new Error('refused'))
    } else if (!handler.strangers && !o.isAccepted(site)) {
      stream.abort(new Error('not accepted'))
    } else if (stopping.signal.aborted) {
      stream.abort(new Error('stopping'))
    } else {
      begin(handler, createStreamCarrier(stream, { remote: site, clock, limits }))
    }
  }

  function begin(handler: NetHandler, carrier: NetCarrier): void {
    const done = run(handler, carrier)
    running.add(done)
    void done.finally(() => running.delete(done))
  }

  for (const handler of o.handlers) {
    await o.host.handle(
      handler.protocol,
      (stream, connection) => take(handler, stream, connection),
      { maxInboundStreams: handler.streamsMax, maxOutboundStreams: handler.streamsMax },
    )
  }

  return {
    run: begin,
    async stop() {
      stopping.abort(new Fault('unreachable', 'net.stop', { text: 'The site is stopping.' }))
      const late = Promise.withResolvers<void>()
      using _timer = clock.after(limits.stopHandlersMs, late.resolve)
      await Promise.race([Promise.allSettled(running), late.promise])
    },
  }
}

/** The channel, whose deadline ends with the first message. A fault that the other side says is noted. */
function disarmed(channel: Channel, deadline: Disposable, said: (fault: Fault) => void): Channel {
  return {
    ...channel,
    async receive(schema, options) {
      try {
        const frame = await channel.receive(schema, options)
        deadline[Symbol.dispose]()
        return frame
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.told) said(thrown)
        throw thrown
      }
    },
  }
}

function noMessage(handler: NetHandler): Fault {
  return new Fault('unreachable', 'net.serve', {
    about: handler.protocol,
    side: 'there',
    text: 'The other site opened a stream and then sent no whole message in time.',
  })
}

function unheard(): Fault {
  return new Fault('unreachable', 'net.serve', {
    side: 'there',
    text: 'The other site does not take its answer.',
  })
}

const text = (thrown: unknown) => String((thrown as Error)?.message ?? thrown)
