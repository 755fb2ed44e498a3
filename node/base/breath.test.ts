import { expect, it } from 'vitest'
import { breathMs, createBreath } from './breath.ts'

/** Keeps the event loop for so long. */
function work(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

it('lets others have their turn again and again', async () => {
  const breath = createBreath()
  let turns = 0
  let ended = false
  const other = () => {
    turns++
    if (!ended) setImmediate(other)
  }
  setImmediate(other)
  for (let i = 0; i < 50; i++) {
    work(4)
    await breath()
  }
  ended = true
  // 200 ms of work, and a breath after every 10 or 12 of them.
  expect(turns).toBeGreaterThan(200 / (breathMs + 4) / 2)
})

it('costs no turn while there is no need', () => {
  expect(createBreath()()).toBeUndefined()
})

it('is measured from breath to breath', async () => {
  const breath = createBreath()
  work(breathMs)
  await breath()
  expect(breath()).toBeUndefined()
})
