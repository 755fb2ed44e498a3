import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { pathNames } from './path-names.ts'
import type { Route } from './route.ts'
import { routes } from './routes.ts'

const table = Object.entries(routes) as unknown as [string, Route][]

describe('the table of routes', () => {
  it('has each question once', () => {
    const lines = table.map(([, { method, path }]) => `${method} ${path.replace(/:\w+/g, ':')}`)
    expect(new Set(lines).size).toBe(table.length)
    expect(table.length).toBeGreaterThan(40)
  })

  it.each(table)(
    '%s says who may, what it is for, and names what its path names',
    (name, route) => {
      expect(route.permission).toBeTruthy()
      expect(route.says).toMatch(/^[A-Z].*\.$/)
      expect(route.path).toMatch(/^\/api(\/[a-z-]+|\/:[a-z]+)+$/)
      expect(Object.keys(route.input.shape)).toEqual(expect.arrayContaining(pathNames(route.path)))
      expect(name).toMatch(/^[a-z]+\.[a-z-]+$/)
      // Long work changes something or reads everything; it is never a GET that a link could start.
      if (route.answer === 'long') expect(route.method).not.toBe('GET')
    },
  )

  it.each(table)('%s refuses a field that nobody named', (_name, route) => {
    const parsed = route.input.safeParse({ nonsense: 1 })
    expect(parsed.error?.issues.some(({ code }) => code === 'unrecognized_keys')).toBe(true)
  })

  it('reads IDs from addresses and bodies alike, and nothing that only looks like one', () => {
    const { input } = routes['datasets.show']
    expect(input.parse({ id: '12' })).toEqual({ id: 12 })
    expect(input.parse({ id: 12 })).toEqual({ id: 12 })
    for (const id of [
      '0',
      '-1',
      '1.5',
      '1e3',
      ' 1',
      '',
      0,
      1.5,
      2 ** 53,
      '9'.repeat(16),
      true,
      null,
    ]) {
      expect([id, input.safeParse({ id }).success]).toEqual([id, false])
    }
  })

  it('turns instants to ISO text and back', () => {
    const shape = routes['links.invite'].output
    const told = z.encode(shape, { invitation: 'x', expiresAt: 1 })
    expect(told).toEqual({ invitation: 'x', expiresAt: '1970-01-01T00:00:00.001Z' })
    expect(z.decode(shape, told)).toEqual({ invitation: 'x', expiresAt: 1 })
  })

  it('takes names and paths without anything hidden in them', () => {
    const { input } = routes['datasets.add']
    const good = { name: 'Plate 1', path: '/data/Plate 1: é' }
    expect(input.safeParse(good).success).toBe(true)
    for (const bad of [
      { name: 'a\nb' },
      { name: '' },
      { path: 'a\0' },
      { path: '' },
      { name: 'x'.repeat(201) },
    ]) {
      expect([bad, input.safeParse({ ...good, ...bad }).success]).toEqual([bad, false])
    }
  })
})
