/**
 * A question that changes something may be asked again with the same `Idempotency-Key`, when its
 * answer was lost on the way: it is done once. The answer is remembered while the site runs; that it
 * was done is in the journal. (IETF draft httpapi-idempotency-key-header, of which this is the part
 * that a server needs.)
 */
import { createHash } from 'node:crypto'
import { Fault } from '../../protocol/fault.ts'
import { askedAs } from '../base/asking.ts'
import type { Clock } from '../base/clock.ts'
import { type Asked, askedMs } from '../journal/asked.ts'
import type { User } from '../people/users.ts'

/** Answers remembered; the oldest is forgotten first. */
export const answersMax = 2000

export const keyHeader = 'idempotency-key'

type Answer = { readonly question: string; readonly at: number; readonly value: Promise<unknown> }

export type Repeats = <T>(
  question: { by: User; key: string; name: string; input: unknown; asked: Asked },
  run: () => Promise<T>,
) => Promise<T>

/** A key as it stands in the header, with or without the quotes of a structured field. Faults `invalid`. */
export function keyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const key = /^"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"$|^([\x21\x23-\x7e]{1,255})$/.exec(
    String(header),
  )
  if (key !== null) return key[1] ?? key[2]
  throw new Fault('invalid', 'http.key', {
    text: 'An Idempotency-Key has 1 to 255 visible characters. Draw a new one for every question, such as a UUID.',
  })
}

export function createRepeats(clock: Clock): Repeats {
  const answers = new Map<string, Answer>()

  function remember(mark: string, answer: Answer): void {
    answers.delete(mark)
    answers.set(mark, answer)
    const [oldest] = answers.keys()
    if (answers.size > answersMax) answers.delete(oldest!)
  }

  return async ({ by, key, name, input, asked }, run) => {
    const question = digest(name, JSON.stringify(input))
    const mark = digest(String(by.id), key)
    for (;;) {
      const before = answers.get(mark)
      if (before !== undefined && before.question !== question) throw otherQuestion()
      if (before !== undefined && before.at + askedMs > clock.now()) {
        // What failed and left nothing behind is tried anew.
        const value = await before.value.then((value) => ({ value })).catch(() => undefined)
        if (value !== undefined) return value.value as never
        if (answers.get(mark) === before) answers.delete(mark)
        continue
      }
      // One that is too old counts no more; left there, it would be waited for without end.
      if (before !== undefined) answers.delete(mark)
      const done = await asked.find(mark)
      if (done !== undefined) throw doneAlready(done.seq)
      // Somebody else may have begun while we looked.
      if (answers.has(mark)) continue
      const value = askedAs(mark, run)
      value.catch(() => {})
      remember(mark, { question, at: clock.now(), value })
      return value
    }
  }
}

function digest(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('base64url').slice(0, 22)
}

function otherQuestion(): Fault {
  return new Fault('conflict', 'http.key', {
    text: 'This Idempotency-Key was used for another question. Draw a new one for every question.',
  })
}

function doneAlready(seq: number): Fault {
  return new Fault('conflict', 'http.key', {
    about: seq,
    text: `This was done already, as record ${seq} of the journal, and its answer was not kept. Look at the present state before you ask anew.`,
  })
}
