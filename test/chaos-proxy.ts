/**
 * The cable between two sites: everything they say to each other goes through it, whoever dialled. It
 * counts what goes to each side, tells when so much has passed, and spoils what it is told to: a line
 * ends after exactly so many bytes, or one bit of them is turned.
 */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { openProxy, type Passage, type Way } from './tcp-proxy.ts'

export type End = 'oslo' | 'kyoto'

/** `at` counts bytes on their way to `to`, from when the plan was laid. */
export type Harm = {
  readonly to: End
  readonly at: number
  readonly kind: 'close' | 'reset' | 'flip'
  /** Which of the eight; of a flip. */
  readonly bit?: number
}

export interface Cable extends AsyncDisposable {
  /** Where each site listens, and where it says that it does: at this cable. */
  sites(): Record<End, { listen: string[]; announce: string[] }>
  /** Bytes that came in on their way to this site, over all lines, since the beginning. */
  passedBytes(to: End): number
  /** Resolves in the turn in which so many more bytes have come in on their way to this site. */
  passes(to: End, bytes: number): Promise<void>
  /** Resolves when this site has been dialled so many more times, in vain or not. */
  dials(to: End, times: number): Promise<void>
  /** Does all of this, each at its byte. What an earlier plan left undone is forgotten. */
  spoil(plan: readonly Harm[]): void
  /** Nothing more is spoilt. Returns how much of the plan was done. */
  mend(): number
}

/** With `bytesPerSecond` each line is so slow in each direction, and there is time to do something meanwhile. */
export async function openCable(o: { bytesPerSecond?: number } = {}): Promise<Cable> {
  const passed = createCounts()
  const dialled = createCounts()
  let plan: Harm[] = []
  let done = 0

  /** Cuts the chunk where the first harm strikes, if one does. */
  function pass(data: Buffer, to: End): Passage {
    const first = passed.of(to)
    passed.add(to, data.byteLength)
    const struck = plan.filter((harm) => harm.to === to && harm.at < passed.of(to))
    if (struck.length === 0) return { data }
    plan = plan.filter((harm) => !struck.includes(harm))
    const spoilt = Buffer.from(data)
    for (const harm of struck.sort((a, b) => a.at - b.at)) {
      done++
      const offset = harm.at - first
      if (harm.kind === 'flip') spoilt[offset]! ^= 1 << (harm.bit ?? 0)
      else return { data: spoilt.subarray(0, offset), end: harm.kind }
    }
    return { data: spoilt }
  }

  await using stack = new AsyncDisposableStack()
  async function openEnd(end: End) {
    const other: End = end === 'oslo' ? 'kyoto' : 'oslo'
    const port = await freePort()
    const through = (data: Buffer, way: Way) => pass(data, way === 'there' ? end : other)
    const proxy = stack.use(
      await openProxy({ ...o, to: { port }, through, dialled: () => dialled.add(end, 1) }),
    )
    return { listen: [`127.0.0.1:${port}`], announce: [`127.0.0.1:${proxy.port}`] }
  }
  const ends = { oslo: await openEnd('oslo'), kyoto: await openEnd('kyoto') }
  const open = stack.move()
  return {
    sites: () => ends,
    passedBytes: passed.of,
    passes: passed.more,
    dials: dialled.more,
    spoil(harms) {
      done = 0
      plan = harms.map((harm) => ({ ...harm, at: passed.of(harm.to) + harm.at }))
    },
    mend() {
      plan = []
      return done
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

/** Something that only grows, for either end, and who waits until it has. */
function createCounts() {
  const counts: Record<End, number> = { oslo: 0, kyoto: 0 }
  const waiting = new Set<{ to: End; at: number; done: () => void }>()
  return {
    of: (to: End) => counts[to],
    add(to: End, more: number) {
      counts[to] += more
      for (const one of waiting) {
        if (one.to !== to || counts[to] < one.at) continue
        waiting.delete(one)
        one.done()
      }
    },
    more: (to: End, by: number) =>
      new Promise<void>((resolve) => waiting.add({ to, at: counts[to] + by, done: resolve })),
  }
}

/** One that nobody is given by the system meanwhile, because it lies below those that it gives. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const server = createServer()
    server.listen(port, '127.0.0.1')
    const free = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]).catch(() => false)
    if (!free) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
