/**
 * A site that has been away for long is not waited for any longer than it takes to start: it says
 * hello, and the other goes on at once although its own next try would be half a minute away.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diff, isDone, until, within } from '../site.ts'
import { writeLarge } from '../trees.ts'
import { type CabledPair, openCabledPair } from './cabled.ts'

const mib = 1024 * 1024
/** After so many the next pause is of 16 seconds at least: half a second, doubled each time, half of it by chance. */
const vainTries = 7
/** Much less than that pause. */
const goesOnMs = 8_000

let pair: CabledPair

beforeAll(async () => {
  pair = await openCabledPair()
}, 120_000)
afterAll(() => pair?.[Symbol.asyncDispose]())

test('the source is away for long in the middle of a transfer', async () => {
  const { cable, oslo, atOslo, atKyoto, folder, to } = pair
  const tree = join(folder, 'tree')
  await mkdir(tree)
  await writeLarge(join(tree, 'large.bin'), 50 * mib, 31)
  const added = await atOslo.call('datasets.add', { name: 'away', path: tree })
  const killed = cable.passes('kyoto', 10 * mib).then(() => oslo.kill())
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: added.id }, dest: 0 })
  await killed
  await within(cable.dials('oslo', vainTries), 120_000, 'kyoto has given up')

  const moves = cable.passes('kyoto', 5 * mib)
  await oslo.start()
  await within(moves, goesOnMs, 'kyoto did not go on when oslo was back')
  const done = await until(atOslo, sent.id, isDone)
  const out = join(folder, 'out')
  await atKyoto.call('datasets.export', { id: done.destination.dataset!, folder: out })
  expect(await diff(tree, out)).toBe('')
}, 240_000)

test('the destination is away when something is sent, and for long', async () => {
  const { cable, kyoto, atOslo, atKyoto, folder, to } = pair
  const tree = join(folder, 'later')
  await mkdir(tree)
  await writeLarge(join(tree, 'large.bin'), 5 * mib, 32)
  const added = await atOslo.call('datasets.add', { name: 'later', path: tree })
  await kyoto.kill()
  const away = cable.dials('kyoto', vainTries)
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: added.id }, dest: 0 })
  expect(sent.state).toBe('waiting')
  expect(sent.fault?.kind).toBe('unreachable')
  await within(away, 120_000, 'oslo has given up')

  const moves = cable.passes('kyoto', 5 * mib)
  await kyoto.start()
  await within(moves, goesOnMs, 'oslo did not go on when kyoto was back')
  const done = await until(atOslo, sent.id, isDone)
  const out = join(folder, 'out-later')
  await atKyoto.call('datasets.export', { id: done.destination.dataset!, folder: out })
  expect(await diff(tree, out)).toBe('')
}, 240_000)
