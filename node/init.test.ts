import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Email } from '../protocol/ids.ts'
import { openFolder } from '../test/folder.ts'
import { systemClock } from './base/clock.ts'
import { createConfig, homeAt, readConfig } from './config.ts'
import { makeSite } from './init.ts'
import { openIdentity } from './sites/identity.ts'

test('of two that make a site in the same folder one succeeds, and its site stays', async () => {
  await using folder = await openFolder()
  const home = homeAt(join(folder.path, 'home'))
  const make = () =>
    makeSite({
      home,
      config: createConfig({ name: 'Oslo' }),
      admin: 'admin@oslo.example' as Email,
      clock: systemClock,
      pid: process.pid,
    })
  const made = await Promise.allSettled([make(), make()])
  const [first, ...more] = made.filter((one) => one.status === 'fulfilled')
  expect(more).toEqual([])
  expect(made.filter((one) => one.status === 'rejected').map(({ reason }) => reason)).toEqual([
    expect.objectContaining({ kind: expect.stringMatching(/^(busy|exists)$/) }),
  ])
  expect((await readConfig(home)).name).toBe('Oslo')
  const { site } = await openIdentity({ folder: home.folder, create: false })
  expect(site).toBe(first?.value.site)
  expect(await readdir(home.folder)).toContain('journal')
})
