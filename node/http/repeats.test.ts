import { describe, expect, test } from 'vitest'
import { faultOf } from '../../test/folder.ts'
import { takeMark } from '../base/asking.ts'
import { createManualClock } from '../base/clock.ts'
import { type Asked, askedMs } from '../journal/asked.ts'
import type { User } from '../people/users.ts'
import { answersMax, createRepeats, keyOf } from './repeats.ts'

const ana = { id: 1 } as User
const ben = { id: 2 } as User

/** What the journal would know: the marks that were taken, by the order of their records. */
function room() {
  const clock = createManualClock()
  const marks: string[] = []
  const asked = {
    find: async (mark: string) =>
      marks.includes(mark) ? { seq: marks.indexOf(mark) + 1, at: clock.now() } : undefined,
  } as Asked
  let runs = 0
  const act = async () => {
    const mark = takeMark()
    if (mark !== undefined) marks.push(mark)
    return ++runs
  }
  const open = () => createRepeats(clock)
  const of = (by: User, key: string, input: unknown = {}) => ({
    ...{ by, key, input, asked },
    name: 'projects.add',
  })
  return { clock, open, of, act, runs: () => runs }
}

describe('a question with a key', () => {
  test('is done once, however often and at how many places it is asked', async () => {
    const { open, of, act } = room()
    const repeats = open()
    const both = [repeats(of(ana, 'k'), act), repeats(of(ana, 'k'), act)]
    expect(await Promise.all(both)).toEqual([1, 1])
    expect(await repeats(of(ana, 'k'), act)).toBe(1)
  })

  test('of another person, or with another key, is another one', async () => {
    const { open, of, act } = room()
    const repeats = open()
    await repeats(of(ana, 'k'), act)
    expect(await repeats(of(ben, 'k'), act)).toBe(2)
    expect(await repeats(of(ana, 'l'), act)).toBe(3)
  })

  test('that asks something else is refused', async () => {
    const { open, of, act } = room()
    const repeats = open()
    await repeats(of(ana, 'k', { name: 'a' }), act)
    expect(await faultOf(repeats(of(ana, 'k', { name: 'b' }), act))).toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('another question'),
    })
  })

  test('that failed and changed nothing is tried anew', async () => {
    const { open, of, act } = room()
    const repeats = open()
    const fail = async () => Promise.reject(new Error('no'))
    await expect(repeats(of(ana, 'k'), fail)).rejects.toThrow('no')
    expect(await repeats(of(ana, 'k'), act)).toBe(1)
  })

  test('that failed after it had changed something is not', async () => {
    const { open, of, act, runs } = room()
    const repeats = open()
    const half = async () => {
      await act()
      throw new Error('no')
    }
    await expect(repeats(of(ana, 'k'), half)).rejects.toThrow('no')
    expect(await faultOf(repeats(of(ana, 'k'), act))).toMatchObject({ kind: 'conflict', about: 1 })
    expect(runs()).toBe(1)
  })

  test('is known after a restart, by its record', async () => {
    const { open, of, act, runs } = room()
    await open()(of(ana, 'k'), act)
    expect(await faultOf(open()(of(ana, 'k'), act))).toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('record 1 of the journal'),
    })
    expect(runs()).toBe(1)
  })

  test('is forgotten after a day, and when too many came after it', async () => {
    const { clock, open, of, act } = room()
    const repeats = open()
    const reading = async () => 'read'
    await repeats(of(ana, 'k'), reading)
    await clock.advance(askedMs)
    expect(await repeats(of(ana, 'k'), act)).toBe(1)
    await repeats(of(ana, 'old'), reading)
    for (let n = 0; n < answersMax; n++) await repeats(of(ana, `n${n}`), reading)
    expect(await repeats(of(ana, 'old'), act)).toBe(2)
  })

  test('marks only what is done while it is answered', async () => {
    const { open, of } = room()
    let later: string | undefined = 'not asked'
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let behind: Promise<void> | undefined
    await open()(of(ana, 'k'), async () => {
      behind = gate.then(() => {
        later = takeMark()
      })
    })
    go()
    await behind
    expect(later).toBeUndefined()
  })
})

test.each([
  ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['"a b"', 'a b'],
  [undefined, undefined],
])('the header %s names %s', (header, key) => {
  expect(keyOf(header)).toBe(key)
})

test.each(['', 'x'.repeat(256), 'a b', '"', 'é'])('the header %s is refused', async (header) => {
  expect(await faultOf(Promise.resolve().then(() => keyOf(header)))).toMatchObject({
    kind: 'invalid',
  })
})
