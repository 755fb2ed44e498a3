import { describe, expect, it } from 'vitest'
import { Fault, type FaultKind, faultKinds } from '../protocol/fault.ts'
import { fromProblem, toProblem } from './problem.ts'

const kinds = Object.keys(faultKinds) as FaultKind[]

describe('a problem', () => {
  it.each(kinds.filter((kind) => kind !== 'internal'))(
    'of kind %s comes back as the fault it was',
    (kind) => {
      const facts = { about: 7, text: 'Words.', list: ['a', 'b'], side: 'there' } as const
      const problem = toProblem(new Fault(kind, 'x.y', { ...facts, cause: new Error('ours') }))
      expect(problem.status).toBe(faultKinds[kind].status)
      expect(problem.again).toBe(faultKinds[kind].again)
      expect(JSON.stringify(problem)).not.toContain('ours')
      const fault = fromProblem(JSON.parse(JSON.stringify(problem)), problem.status)
      expect(fault).toMatchObject({ kind, op: 'x.y', message: 'Words.', about: 7, side: 'there' })
      expect(fault.list).toEqual(['a', 'b'])
    },
  )

  it('of our own making tells a reference and nothing else', () => {
    const ours = { about: '/secret', text: 'secret', list: ['secret'] }
    const problem = toProblem(new Fault('internal', 'x.y', ours), { reference: 'abc' })
    expect(JSON.stringify(problem)).not.toContain('secret')
    expect(problem).toMatchObject({ status: 500, reference: 'abc' })
    expect(fromProblem(problem, 500).message).toContain('Reference abc')
  })

  it('that is none says who it is not', () => {
    expect(fromProblem('<html>', 502)).toMatchObject({ kind: 'unreachable', side: 'between' })
    expect(fromProblem({ error: 'x' }, 404)).toMatchObject({ kind: 'invalid' })
    expect(fromProblem(undefined, 200).message).toContain('not Crossload')
  })

  it('of a kind that a newer site has is read as internal', () => {
    const problem = { ...toProblem(new Fault('busy', 'x.y')), kind: 'tired' }
    expect(fromProblem(problem, 503).kind).toBe('internal')
  })
})
