/**
 * How fast transfers went in the last minutes, as far as this window has heard: one sample a second
 * while anything moves, of each transfer and of all of them. Kept here, so that a page which is opened
 * later shows what came before.
 */
import { useSyncExternalStore } from 'react'
import type { ToldTransfer } from '../api/shapes.ts'

/** Seconds since 1970, and bytes per second; equally many, oldest first. */
export type Rates = { readonly at: readonly number[]; readonly rate: readonly number[] }

/** How much is kept and shown, in seconds. */
export const rateSecondsMax = 300
const sampleMs = 1_000
/** After this many seconds without news a transfer counts as standing still. */
const silentMs = 5_000
/** Transfers of which the past is remembered. */
const transfersMax = 50

/** Of all transfers together. */
export const allRates = 'all'

type Now = { heardAt: number; bytesPerSecond: number }

const none: Rates = { at: [], rate: [] }
const now = new Map<string, Now>()
const kept = new Map<string, Rates>()
const news = new EventTarget()
let timer: ReturnType<typeof setInterval> | undefined

export function heardRate({ id, state, bytesPerSecond }: ToldTransfer): void {
  if (state !== 'moving') {
    // Its line goes down to nothing, and does not stop in mid-air.
    if (now.delete(id)) put(id, 0)
    return
  }
  now.set(id, { heardAt: performance.now(), bytesPerSecond })
  timer ??= setInterval(sample, sampleMs)
}

function sample(): void {
  let sum = 0
  for (const [id, { heardAt, bytesPerSecond }] of now) {
    const isSilent = performance.now() - heardAt > silentMs
    const rate = isSilent ? 0 : bytesPerSecond
    sum += rate
    put(id, rate)
    if (isSilent) now.delete(id)
  }
  put(allRates, sum)
  news.dispatchEvent(new Event('sample'))
  if (now.size > 0) return
  clearInterval(timer)
  timer = undefined
}

function put(id: string, rate: number): void {
  const seconds = Math.round((performance.timeOrigin + performance.now()) / 1000)
  const { at, rate: rates } = kept.get(id) ?? none
  const from = at.findIndex((one) => one > seconds - rateSecondsMax)
  const past = from < 0 ? none : { at: at.slice(from), rate: rates.slice(from) }
  kept.delete(id)
  // Two samples of one second are one: the later.
  const isSame = past.at.at(-1) === seconds
  kept.set(id, {
    at: isSame ? past.at : [...past.at, seconds],
    rate: [...(isSame ? past.rate.slice(0, -1) : past.rate), rate],
  })
  const oldest = [...kept.keys()].find((one) => one !== allRates)
  if (kept.size > transfersMax && oldest !== undefined) kept.delete(oldest)
}

export function useRates(of: string): Rates {
  return useSyncExternalStore(listen, () => kept.get(of) ?? none)
}

function listen(wake: () => void): () => void {
  news.addEventListener('sample', wake)
  return () => news.removeEventListener('sample', wake)
}
