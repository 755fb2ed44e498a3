import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createCarrierPair, createChannel } from './channel.ts'
import {
  asFault,
  Fault,
  type FaultKind,
  faultKinds,
  faultListMax,
  fromWireFault,
  toWireFault,
} from './fault.ts'
import type { SiteId } from './ids.ts'

const kinds = Object.keys(faultKinds) as FaultKind[]

describe('the table of kinds', () => {
  it.each(kinds)('%s has all columns', (kind) => {
    const row = faultKinds[kind]
    expect(Object.keys(row).sort()).toEqual(['again', 'exit', 'sentence', 'status'])
    expect(row.status).toBeGreaterThanOrEqual(400)
    expect(row.status).toBeLessThan(600)
    expect(row.exit).toBeGreaterThan(1)
    // From 126 on an exit code is the shell's.
    expect(row.exit).toBeLessThan(126)
    expect(typeof row.again).toBe('boolean')
    // What it means, and what to do next: two sentences.
    expect(row.sentence).toMatch(/^[A-Z].+\. [A-Z].+\.$|^[A-Z].+; .+\.$|^[A-Z].+\. .+; .+\.$/)
  })

  it('has an exit code of its own for each', () => {
    expect(new Set(kinds.map((kind) => faultKinds[kind].exit)).size).toBe(kinds.length)
  })

  it('only ever grows: these kinds travel', () => {
    expect(kinds.join(' ')).toMatch(
      /^invalid denied missing exists conflict gone busy unreachable corrupt full unsupported internal/,
    )
  })

  it('tries again what may pass by itself, and nothing else', () => {
    expect(kinds.filter((kind) => faultKinds[kind].again)).toEqual(['busy', 'unreachable', 'full'])
  })
})

describe('a fault on the wire', () => {
  it('keeps its facts, and says that it was there', () => {
    const fault = new Fault('full', 'store.put', { about: 7, text: 'Full.', list: ['a'] })
    const back = fromWireFault(toWireFault(fault))
    expect(back).toMatchObject({ kind: 'full', op: 'store.put', about: 7, message: 'Full.' })
    expect([back.list, back.side, back.again]).toEqual([['a'], 'there', true])
  })

  it('takes the text of the kind where it has none', () => {
    expect(new Fault('busy', 'a.b').message).toBe(faultKinds.busy.sentence)
  })

  it('does not tell what went wrong inside', () => {
    const inner = asFault(new TypeError('x of undefined at /home/ana'), 'store.put')
    expect(inner).toMatchObject({ kind: 'internal', message: 'x of undefined at /home/ana' })
    expect(toWireFault(inner).text).toBe(faultKinds.internal.sentence)
  })

  it('of a kind that is not known here is internal', () => {
    const newer = { kind: 'tired' as FaultKind, op: 'a.b', text: 'Later.' }
    expect(fromWireFault(newer).kind).toBe('internal')
    expect(fromWireFault({ ...newer, kind: 'toString' as FaultKind }).kind).toBe('internal')
  })

  it('whatever it is about, the other side reads its kind', async () => {
    const any = fc.record({
      kind: fc.constantFrom(...kinds),
      op: fc.string({ maxLength: 300 }),
      text: fc.string({ unit: 'binary', maxLength: 3000 }),
      about: fc.oneof(fc.string({ maxLength: 3000 }), fc.nat(), fc.constant(undefined)),
      list: fc.array(fc.string({ maxLength: 2500 }), { maxLength: faultListMax + 20 }),
    })
    await fc.assert(
      fc.asyncProperty(any, async ({ kind, op, ...facts }) => {
        const [left, right] = createCarrierPair('left' as SiteId, 'right' as SiteId)
        const caps = { headBytesMax: 1024 * 1024, bodyBytesMax: 0 }
        await createChannel(left, caps).refuse(new Fault(kind, op, facts))
        await expect(createChannel(right, caps).receive(z.never())).rejects.toMatchObject({ kind })
      }),
      { numRuns: 60, examples: [[longest]] },
    )
  })

  const longest = {
    kind: 'busy' as FaultKind,
    op: 'o'.repeat(300),
    text: 't'.repeat(5000),
    about: 'a'.repeat(3000),
    list: ['l'.repeat(3000)],
  }
})

describe('whatever was thrown', () => {
  it('is left alone when it is a fault', () => {
    const fault = new Fault('gone', 'a.b')
    expect(asFault(fault, 'c.d')).toBe(fault)
  })

  it.each([
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EACCES', 'denied'],
    ['EROFS', 'denied'],
    ['ENOENT', 'missing'],
    ['EEXIST', 'exists'],
    ['EADDRINUSE', 'busy'],
    ['EIO', 'corrupt'],
    ['EMADEUP', 'internal'],
  ] as const)('%s is %s', (code, kind) => {
    const thrown = Object.assign(new Error('no'), { code })
    const fault = asFault(thrown, 'a.b', 'the/place')
    expect(fault).toMatchObject({ kind, op: 'a.b', about: 'the/place', cause: thrown })
    if (kind !== 'internal') expect(fault.message).toContain('the/place')
  })

  it.each([undefined, null, 'text', 7, {}])('is internal when it is %s', (thrown) => {
    expect(asFault(thrown, 'a.b').kind).toBe('internal')
  })
})
