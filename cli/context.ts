/** What a command has: the site it speaks to, and three ways to say something. */
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { type Client, createClient, type Progress } from '../api/client.ts'
import type { Asked, BytesName, CallName, EventsName, Told } from '../api/routes.ts'
import { countText, groupText, sizeText } from '../api/words.ts'
import { Fault } from '../protocol/fault.ts'
import { createLine, type Line } from './line.ts'
import { durationOf } from './options.ts'
import { reach } from './reach.ts'
import { jsonText } from './show.ts'
import type { World } from './world.ts'

/** Flags that every command takes. */
export type GlobalFlags = {
  readonly home?: string | undefined
  readonly url?: string | undefined
  readonly json?: boolean | undefined
  readonly wait?: string | undefined
}

/** Between two looks whether the site is up, in milliseconds. */
const lookMs = 200

export interface Context {
  readonly world: World
  readonly json: boolean
  readonly signal: AbortSignal
  /** Asks the site; how far long work is shows on stderr. */
  call<R extends CallName>(name: R, input: Asked<R>): Promise<Told<R>>
  follow<R extends EventsName>(name: R, input: Asked<R>): AsyncGenerator<Told<R>>
  /** The content of a file, as it comes. */
  bytes<R extends BytesName>(
    name: R,
    input: Asked<R>,
    options: { method: 'GET' | 'HEAD'; headers: Record<string, string> },
  ): Promise<Response>
  /** The answer, on stdout: its JSON for scripts, or the text for people. */
  print(value: unknown, text: () => string): void
  /** Text for people, on stdout; nothing for scripts, who get their value by `print`. */
  say(text: string): void
  /** A message, on stderr; for scripts too. */
  tell(text: string): void
  line(): Line
  /** A path on this machine as the site reads it. */
  path(text: string): string
}

export function createContext(world: World, flags: GlobalFlags): Context {
  const json = flags.json === true
  const { signal } = world
  let opened: Promise<{ client: Client; hint: string }> | undefined

  function open() {
    opened ??= reachUp()
    return opened
  }

  /** The site, once it is up: at once, or within the time that was asked for. */
  async function reachUp() {
    const waitMs = flags.wait === undefined ? 0 : durationOf(flags.wait)
    for (const until = world.now() + waitMs; ; await pause(lookMs, undefined, { signal })) {
      try {
        const { url, token, hint } = await reach(flags, world)
        const client = createClient({ url, token })
        if (waitMs > 0) await client.call('site.health', {}, { signal })
        return { client, hint }
      } catch (thrown) {
        const isDown = thrown instanceof Fault && thrown.kind === 'unreachable'
        if (!isDown || world.now() >= until) throw thrown
      }
    }
  }

  const line = () => createLine(world.stderr, world.now)

  return {
    world,
    json,
    signal,
    line,
    async call(name, input) {
      const { client, hint } = await open()
      const shown = json ? undefined : line()
      const onProgress = (progress: Progress) => shown?.show(progressText(progress), false)
      try {
        return await client.call(name, input, { signal, onProgress })
      } catch (thrown) {
        throw hinted(thrown, hint)
      } finally {
        shown?.end({ clear: true })
      }
    },
    async *follow(name, input) {
      const { client, hint } = await open()
      try {
        yield* client.follow(name, input, { signal })
      } catch (thrown) {
        throw hinted(thrown, hint)
      }
    },
    async bytes(name, input, options) {
      const { client, hint } = await open()
      try {
        return await client.bytes(name, input, { signal, ...options })
      } catch (thrown) {
        throw hinted(thrown, hint)
      }
    },
    print(value, text) {
      world.stdout.write(`${json ? jsonText(value) : text()}\n`)
    },
    say(text) {
      if (!json) world.stdout.write(`${text}\n`)
    },
    tell(text) {
      world.stderr.write(`${text}\n`)
    },
    path: (text) => resolve(world.cwd, text),
  }
}

export type Open = (command: Command) => Context

/** When nobody answers, what to do about it stands in the same sentence. */
function hinted(thrown: unknown, hint: string): unknown {
  if (!(thrown instanceof Fault) || thrown.op !== 'client.call' || thrown.kind !== 'unreachable') {
    return thrown
  }
  const { about, side, message } = thrown
  const text = `${message} ${hint}`
  return new Fault('unreachable', thrown.op, { about, side, text, cause: thrown })
}

function progressText(progress: Progress): string {
  const { files, bytes, filesTotal, bytesTotal } = progress
  if (filesTotal === undefined || bytesTotal === undefined) {
    return `${countText(files, 'file')}, ${sizeText(bytes)}`
  }
  return `${groupText(files)} of ${countText(filesTotal, 'file')}, ${sizeText(bytes)} of ${sizeText(bytesTotal)}`
}
