import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { misfit } from './misfit.ts'

const text = z.string().min(1).max(3)
const id = z.union([z.int().min(1), z.string().regex(/^[1-9]+$/, 'is not an ID')])

describe('what does not fit is said so that it can be mended', () => {
  it.each([
    [text, '', 'is empty'],
    [text, 'long', 'is longer than 3 characters'],
    [text, undefined, 'is missing'],
    [text, 1, 'is not text'],
    [z.int(), 1.5, 'is not a whole number'],
    [z.int().max(5), 6, 'is more than 5'],
    [z.enum(['red', 'green']), 'blue', 'is not red or green'],
    [z.strictObject({}), { extra: 1 }, 'has more than was asked for: extra'],
    [text.refine(() => false, 'has control characters'), 'a', 'has control characters'],
    [z.string().regex(/b/), 'a', 'does not fit'],
    [id, 'x', 'is not an ID'],
    [id, 0, 'is less than 1'],
  ])('%#', (schema, value, words) => {
    const { error } = schema.safeParse(value)
    expect(misfit(error?.issues[0])).toBe(words)
  })
})
