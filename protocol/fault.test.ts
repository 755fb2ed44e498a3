import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createCarrierPair, createChannel } from './channel.ts'
import {
  asFault,
  Fault,
  type FaultFacts,
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

  it('is told, and no finding of ours; one that was kept here is', () => {
    const wire = toWireFault(new Fault('denied', 'a.b'))
    expect([fromWireFault(wire).told, fromWireFault(wire, 'here').told]).toEqual([true, false])
    expect(new Fault('denied', 'a.b', { side: 'there' }).told).toBe(false)
  })

  it('takes the text of the kind where it has none', () => {
    expect(new Fault('busy', 'a.b').message).toBe(faultKinds.busy.sentence)
  })

  it('is the first failure, not one of putting things away after it', async () => {
    const full = new Fault('full', 'store.write')
    const both = (async () => {
      await using _open = { [Symbol.asyncDispose]: () => Promise.reject(new Error('later')) }
      throw full
    })()
    expect(asFault(await both.catch((thrown) => thrown), 'a.b')).toBe(full)
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

  const long: [string, Partial<FaultFacts> & { op?: string }][] = [
    ['an op', { op: 'o'.repeat(300) }],
    ['a text', { text: 't'.repeat(5000) }],
    ['a text of wide characters', { text: '\u{1fac0}'.repeat(3000) }],
    ['an about', { about: 'a'.repeat(3000) }],
    ['a line in its list', { list: ['l'.repeat(3000)] }],
    ['a list', { list: new Array(faultListMax + 20).fill('l'.repeat(500)) }],
  ]
  it.each(long)('with %s that is too long still arrives as its kind', async (_, facts) => {
    // The smallest cap of any protocol: a stranger's.
    const caps = { headBytesMax: 2048, bodyBytesMax: 0 }
    const [left, right] = createCarrierPair('left' as SiteId, 'right' as SiteId)
    await createChannel(left, caps).refuse(new Fault('busy', facts.op ?? 'a.b', facts))
    const receiving = createChannel(right, caps).receive(z.never())
    expect(await receiving.catch((thrown: Fault) => thrown.kind)).toBe('busy')
  })
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
